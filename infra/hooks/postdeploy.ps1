# After the functions are there: let the events of each watched subscription reach them. Repeating it changes nothing.
# azd gives the outputs of infra/main.bicep as environment variables, which watch.py reads.
$ErrorActionPreference = 'Stop'
if (-not (Get-Command python -ErrorAction SilentlyContinue)) { throw 'Python 3.11 or later has to be on the PATH as python.' }
$watched = if ($env:WATCHED_SUBSCRIPTIONS) { $env:WATCHED_SUBSCRIPTIONS } else { $env:AZURE_SUBSCRIPTION_ID }

$tries = 0
while ($true) {
  python "$PSScriptRoot/../watch.py" --events-only $watched.Split(' ')
  if ($LASTEXITCODE -eq 0) { break }
  if ($LASTEXITCODE -eq 2) { throw 'The line above says what is not as it has to be.' }
  $tries++
  if ($tries -ge 5) {
    throw 'Not all events reach the app yet; the lines above say why. Once mended, run: azd hooks run postdeploy'
  }
  # A function, and a role of a new topic, take minutes to be known everywhere.
  Write-Host "Not yet; trying again in a minute ($tries of 4) ..."
  Start-Sleep -Seconds 60
}

# Others that are watched already are told of and left as they are: whoever deploys may have no rights there.
$told = python "$PSScriptRoot/../watch.py" --dry-run --watched $watched.Split(' ')
if ($LASTEXITCODE -ne 0) {
  Write-Host ($told | Select-Object -Last 1)
  Write-Host 'This is of all that are watched. To see what, and to do it: ./dev watch --dry-run --watched; ./dev watch --watched'
}
exit 0
