# Before anything is made: the package, since what cannot be built is known first, and the one provider that no
# deployment registers by itself: the app's subnet is delegated to it, but no template makes a resource of it.
$ErrorActionPreference = 'Stop'
Set-Location "$PSScriptRoot/../.."
# WSL passes no variables on, and the package has to be for the Python that the template chooses.
wsl env "DRAWBRIDGE_PYTHON=$env:DRAWBRIDGE_PYTHON" ./dev package
if ($LASTEXITCODE -ne 0) { throw 'The package cannot be built; the lines above say why.' }
az provider register --only-show-errors --output none --namespace Microsoft.App --subscription $env:AZURE_SUBSCRIPTION_ID --wait
if ($LASTEXITCODE -ne 0) { throw 'The provider Microsoft.App cannot be registered; the line above says why.' }
