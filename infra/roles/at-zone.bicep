// One role for the app's identity, over one private DNS zone.

@description('Name of the zone.')
param zoneName string

@description('Full resource id of the role definition.')
param roleDefinitionId string

@description('Object id of the identity.')
param principalId string

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' existing = {
  name: zoneName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: zone
  name: guid(zone.id, roleDefinitionId, principalId)
  properties: {
    roleDefinitionId: roleDefinitionId
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
