#!/usr/bin/env sh
# Deploy templates, package and event subscriptions, in that order. Needs a login, AZURE_LOCATION, PARAMETERS (a file)
# and the package, built by ./dev package.
set -eu
cd "$(dirname "$0")/../.."
package=${PACKAGE:-.dev/package/drawbridge.zip}
test -f "$package" || { echo "$package is not there: ./dev package builds it" >&2; exit 1; }
# Earlier ones wait for an answer of the app's host for ever, and the app answers to nobody but its callers.
known=$(az version --query '"azure-cli"' --output tsv)
python3 -c 'import sys; sys.exit(tuple(map(int, sys.argv[1].split("."))) < (2, 91, 0))' "$known" \
  || { echo "az is $known here; it has to be 2.91.0 or later" >&2; exit 1; }

# The app's subnet is delegated to it, but no template makes a resource of it, so no deployment registers it.
az provider register --only-show-errors --output none --namespace Microsoft.App --wait
# A deployment belongs to the region of its first run, so the region is in its name.
outputs=$(az deployment sub create --only-show-errors --name "drawbridge-$AZURE_LOCATION" --location "$AZURE_LOCATION" \
  --template-file infra/main.bicep --parameters "$PARAMETERS" --query properties.outputs --output json)
output() { printf '%s' "$outputs" | python3 -c "import json, sys; print(json.load(sys.stdin)['$1']['value'])"; }
APP_ID=$(output APP_ID) STORAGE_ID=$(output STORAGE_ID) EVENT_DELIVERY=$(output EVENT_DELIVERY)
APP_PRINCIPAL_ID=$(output APP_PRINCIPAL_ID) WATCHED_SUBSCRIPTIONS=$(output WATCHED_SUBSCRIPTIONS)
export APP_ID STORAGE_ID EVENT_DELIVERY APP_PRINCIPAL_ID WATCHED_SUBSCRIPTIONS AZURE_LOCATION

# Bytecode of another Python is worth nothing, and libraries of another do not load.
python=$(output PYTHON_VERSION)
python3 -c 'import sys, zipfile; tag = "cpython-" + sys.argv[2].replace(".", "")
sys.exit(not any(tag in name for name in zipfile.ZipFile(sys.argv[1]).namelist()))' "$package" "$python" \
  || { echo "$package is not for Python $python, which the app runs on: DRAWBRIDGE_PYTHON=$python ./dev package" >&2; exit 1; }
az functionapp deployment source config-zip --only-show-errors --output none \
  --resource-group "$(output RESOURCE_GROUP)" --name "$(output APP_NAME)" --src "$package" --build-remote false
DEPLOYED_AT=$(date -u +%Y-%m-%dT%H:%M:%SZ) WORKSPACE_ID=$(output WORKSPACE_ID)
export DEPLOYED_AT WORKSPACE_ID
./infra/hooks/postdeploy.sh
./infra/pipeline/smoke.sh
