// One role for the app's identity, over one subnet.

@description('Name of the virtual network.')
param networkName string

@description('Name of the subnet in it.')
param subnetName string

@description('Full resource id of the role definition.')
param roleDefinitionId string

@description('Object id of the identity.')
param principalId string

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' existing = {
  name: networkName
}

resource subnet 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: network
  name: subnetName
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: subnet
  name: guid(subnet.id, roleDefinitionId, principalId)
  properties: {
    roleDefinitionId: roleDefinitionId
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
