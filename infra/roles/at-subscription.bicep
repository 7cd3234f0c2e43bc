// One role for the app's identity, over a whole subscription.
targetScope = 'subscription'

@description('Full resource id of the role definition.')
param roleDefinitionId string

@description('Object id of the identity.')
param principalId string

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, roleDefinitionId, principalId)
  properties: {
    roleDefinitionId: roleDefinitionId
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
