#!/usr/bin/env sh
# Ask whether what was deployed is alive. Needs a login and APP_ID. With WORKSPACE_ID and DEPLOYED_AT, a sweep has to
# have started since then, as the log tells; with HEALTH_URL, which has to be reachable from here, the app is asked.
set -eu

functions() {
  # On Flex Consumption, triggers may stay unknown until somebody asks for them to be read again.
  az rest --only-show-errors --output none --method post --url "${APP_ID}/host/default/sync?api-version=2024-11-01" \
    || echo "Triggers could not be synchronised; looking all the same." >&2
  az rest --only-show-errors --method get --url "${APP_ID}/functions?api-version=2024-11-01" \
    --query 'value[].properties.name' --output tsv
}

there() {
  found=$(functions)
  for name in reconcile on_event sweep; do
    printf '%s\n' "$found" | grep -qx "$name" || return 1
  done
}

# The list can still be that of the version before; only the new one can have written this.
swept() {
  az rest --only-show-errors --method post --resource https://api.loganalytics.io \
    --url "https://api.loganalytics.io/v1${WORKSPACE_ID}/query" --query 'tables[0].rows[0][0]' --output tsv \
    --body "{\"query\": \"AppTraces | where TimeGenerated > datetime($DEPLOYED_AT) | where Message startswith 'sweep started {' | count\"}"
}

tries=0
until there; do
  tries=$((tries + 1))
  if [ "$tries" -ge 20 ]; then
    echo "The functions are not there after ten minutes: an error at start hides all of them. The log has it." >&2
    exit 1
  fi
  sleep 30
done
echo "The functions are there."
if [ -n "${WORKSPACE_ID:-}" ] && [ -n "${DEPLOYED_AT:-}" ]; then
  tries=0
  # What the log does not answer counts as none: it has to become readable too.
  until sweeps=$(swept) && [ "${sweeps:-0}" -gt 0 ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge "${SMOKE_MINUTES:-40}" ]; then
      echo "No sweep has started since $DEPLOYED_AT, in ${SMOKE_MINUTES:-40} minutes. SMOKE_MINUTES is for a" >&2
      echo "sweepSchedule that lets more pass. Otherwise the app does not run, and the log has why; or az has said" >&2
      echo "above that this login may not read the log (Log Analytics Reader)." >&2
      exit 1
    fi
    sleep 60
  done
  echo "A sweep has started since the deployment."
fi
if [ -n "${HEALTH_URL:-}" ]; then
  curl --fail --silent --show-error --retry 10 --retry-delay 15 --retry-all-errors "$HEALTH_URL"
fi
