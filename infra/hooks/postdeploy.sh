#!/usr/bin/env sh
# After the functions are there: let the events of each watched subscription reach them. Repeating it changes nothing.
# azd gives the outputs of infra/main.bicep as environment variables.
set -eu
: "${APP_ID:?is an output of infra/main.bicep}" "${STORAGE_ID:?is an output of infra/main.bicep}"
: "${EVENT_DELIVERY:?is an output of infra/main.bicep}" "${AZURE_LOCATION:?}"

subscribe() {
  az deployment sub create --only-show-errors --output none \
    --name "drawbridge-events-${AZURE_ENV_NAME:-main}" --subscription "$1" --location "$AZURE_LOCATION" \
    --template-file "$(dirname "$0")/../events/main.bicep" \
    --parameters functionAppId="$APP_ID" storageAccountId="$STORAGE_ID" delivery="$EVENT_DELIVERY" \
    existingTopicName="${DRAWBRIDGE_TOPIC_NAME:-}" topicResourceGroup="${DRAWBRIDGE_TOPIC_GROUP:-rg-drawbridge-events}"
}

for subscription in ${WATCHED_SUBSCRIPTIONS:-$AZURE_SUBSCRIPTION_ID}; do
  tries=0
  # A function, and a role of a new topic, take minutes to be known everywhere.
  until subscribe "$subscription"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 5 ]; then
      echo "The events of $subscription do not reach the app yet; the error is above. Sweeps find what they would" >&2
      echo "have told. Once mended, run: azd hooks run postdeploy" >&2
      exit 1
    fi
    echo "Not yet; trying again in a minute ($tries of 4) ..." >&2
    sleep 60
  done
  echo "Events of $subscription reach the app."
done
