#!/usr/bin/env sh
# Compile and lint every template with the real Bicep. Needs the Azure CLI, and no login.
set -eu
cd "$(dirname "$0")/../.."
az bicep install
find infra -name '*.bicep' | sort | while read -r file; do
  echo "$file"
  az bicep build --file "$file" --stdout > /dev/null
  az bicep lint --file "$file"
done
