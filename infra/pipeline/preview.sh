#!/usr/bin/env sh
# Say what a deployment would change, and change nothing. Needs a login, AZURE_LOCATION and PARAMETERS (a file).
set -eu
cd "$(dirname "$0")/../.."
az deployment sub what-if --name "drawbridge-$AZURE_LOCATION" --location "$AZURE_LOCATION" \
  --template-file infra/main.bicep --parameters "$PARAMETERS"
