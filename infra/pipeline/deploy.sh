#!/usr/bin/env sh
# Deploy templates, package and event subscriptions, in that order. Needs a login, AZURE_LOCATION, PARAMETERS (a file)
# and the package, built by ./dev package.
set -eu
cd "$(dirname "$0")/../.."
package=${PACKAGE:-.dev/package/drawbridge.zip}
test -f "$package" || { echo "$package is not there: ./dev package builds it" >&2; exit 1; }

# The app's subnet is delegated to it, but no template makes a resource of it, so no deployment registers it.
az provider register --only-show-errors --output none --namespace Microsoft.App --wait
# A deployment belongs to the region of its first run, so the region is in its name.
outputs=$(az deployment sub create --only-show-errors --name "drawbridge-$AZURE_LOCATION" --location "$AZURE_LOCATION" \
  --template-file infra/main.bicep --parameters "$PARAMETERS" --query properties.outputs --output json)
output() { printf '%s' "$outputs" | python3 -c "import json, sys; print(json.load(sys.stdin)['$1']['value'])"; }
APP_ID=$(output APP_ID) STORAGE_ID=$(output STORAGE_ID) EVENT_DELIVERY=$(output EVENT_DELIVERY)
APP_PRINCIPAL_ID=$(output APP_PRINCIPAL_ID) WATCHED_SUBSCRIPTIONS=$(output WATCHED_SUBSCRIPTIONS)
export APP_ID STORAGE_ID EVENT_DELIVERY APP_PRINCIPAL_ID WATCHED_SUBSCRIPTIONS AZURE_LOCATION

az functionapp deployment source config-zip --only-show-errors --output none \
  --resource-group "$(output RESOURCE_GROUP)" --name "$(output APP_NAME)" --src "$package" --build-remote false
./infra/hooks/postdeploy.sh
./infra/pipeline/smoke.sh
