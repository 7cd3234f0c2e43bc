// Who the app is, to Azure Resource Manager, to its storage and to its topic.

@description('Name of the identity.')
param name string

@description('Region.')
param location string

@description('Tags on every resource.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output id string = identity.id
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
