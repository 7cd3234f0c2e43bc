#!/usr/bin/env sh
# Before azd takes everything away: do not let it. It deletes every resource group in which the deployment has made
# something, and a role assignment counts: on a subnet or a zone, that is the group of the company's network.
set -eu
cat >&2 <<TEXT
azd down would also delete the resource groups in which this deployment has only assigned roles: those of subnets,
private endpoints and DNS zones. Nothing has been deleted. Do this instead, as in docs/deploy.md under "Undo":

  ./dev watch --undo <watched> ...      and the role assignments of ${APP_PRINCIPAL_ID:-the app}
  az group delete --name ${RESOURCE_GROUP:-<group of the app>}
TEXT
exit 1
