#!/usr/bin/env sh
# After the functions are there: let the events of each watched subscription reach them. Repeating it changes nothing.
# azd gives the outputs of infra/main.bicep as environment variables, which watch.py reads.
set -eu
tries=0
# A function, and a role of a new topic, take minutes to be known everywhere.
# shellcheck disable=SC2086
until python3 "$(dirname "$0")/../watch.py" --events-only ${WATCHED_SUBSCRIPTIONS:-$AZURE_SUBSCRIPTION_ID}; do
  [ $? -ne 2 ] || exit 2
  tries=$((tries + 1))
  if [ "$tries" -ge 5 ]; then
    echo "Not all events reach the app yet; the lines above say why. Sweeps find what they would have told." >&2
    echo "Once mended, run: azd hooks run postdeploy" >&2
    exit 1
  fi
  echo "Not yet; trying again in a minute ($tries of 4) ..." >&2
  sleep 60
done

# Others that are watched already are told of and left as they are: whoever deploys may have no rights there.
# shellcheck disable=SC2086
told=$(python3 "$(dirname "$0")/../watch.py" --dry-run --watched ${WATCHED_SUBSCRIPTIONS:-$AZURE_SUBSCRIPTION_ID}) || {
  printf '%s\n' "$told" | tail -n 1
  echo "This is of all that are watched. To see what, and to do it: ./dev watch --dry-run --watched; ./dev watch --watched"
}
