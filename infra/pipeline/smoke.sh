#!/usr/bin/env sh
# Ask whether what was deployed is alive. Needs a login and APP_ID; with HEALTH_URL, which has to be reachable from
# here, the app itself is asked too.
set -eu

functions() {
  az rest --only-show-errors --method get --url "${APP_ID}/functions?api-version=2024-11-01" \
    --query 'value[].properties.name' --output tsv
}

tries=0
until functions | grep -qx reconcile && functions | grep -qx on_event && functions | grep -qx sweep; do
  tries=$((tries + 1))
  if [ "$tries" -ge 20 ]; then
    echo "The functions are not there after ten minutes: an error at start hides all of them. The log has it." >&2
    exit 1
  fi
  sleep 30
done
echo "The functions are there."
if [ -n "${HEALTH_URL:-}" ]; then
  curl --fail --silent --show-error --retry 10 --retry-delay 15 --retry-all-errors "$HEALTH_URL"
fi
