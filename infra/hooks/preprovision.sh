#!/usr/bin/env sh
# Before anything is made: the package, since what cannot be built is known first, and the one provider that no
# deployment registers by itself: the app's subnet is delegated to it, but no template makes a resource of it.
set -eu
cd "$(dirname "$0")/../.."
./dev package
az provider register --only-show-errors --output none --namespace Microsoft.App \
  --subscription "$AZURE_SUBSCRIPTION_ID" --wait
