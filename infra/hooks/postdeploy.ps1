# After the functions are there: let the events of each watched subscription reach them. Repeating it changes nothing.
# azd gives the outputs of infra/main.bicep as environment variables.
$ErrorActionPreference = 'Stop'
foreach ($name in 'APP_ID', 'STORAGE_ID', 'EVENT_DELIVERY', 'AZURE_LOCATION') {
  if (-not [Environment]::GetEnvironmentVariable($name)) { throw "$name is not set: it is an output of infra/main.bicep" }
}
$watched = if ($env:WATCHED_SUBSCRIPTIONS) { $env:WATCHED_SUBSCRIPTIONS } else { $env:AZURE_SUBSCRIPTION_ID }
$group = if ($env:DRAWBRIDGE_TOPIC_GROUP) { $env:DRAWBRIDGE_TOPIC_GROUP } else { 'rg-drawbridge-events' }
$environment = if ($env:AZURE_ENV_NAME) { $env:AZURE_ENV_NAME } else { 'main' }

foreach ($subscription in $watched.Split(' ')) {
  $tries = 0
  while ($true) {
    az deployment sub create --only-show-errors --output none `
      --name "drawbridge-events-$environment" --subscription $subscription --location $env:AZURE_LOCATION `
      --template-file "$PSScriptRoot/../events/main.bicep" `
      --parameters functionAppId=$env:APP_ID storageAccountId=$env:STORAGE_ID delivery=$env:EVENT_DELIVERY `
      existingTopicName=$env:DRAWBRIDGE_TOPIC_NAME topicResourceGroup=$group
    if ($LASTEXITCODE -eq 0) { break }
    $tries++
    if ($tries -ge 5) {
      throw "The events of $subscription do not reach the app yet; the error is above. Once mended, run: azd hooks run postdeploy"
    }
    # A function, and a role of a new topic, take minutes to be known everywhere.
    Write-Host "Not yet; trying again in a minute ($tries of 4) ..."
    Start-Sleep -Seconds 60
  }
  Write-Host "Events of $subscription reach the app."
}
