// A private way to one service of ours, and its name in DNS.

@description('Name of the endpoint.')
param name string

@description('Region.')
param location string

@description('Tags on every resource.')
param tags object

@description('What the endpoint leads to.')
param targetId string

@description('Which of the target\'s services: blob, queue, table or sites.')
param groupId string

@description('Subnet of the endpoint.')
param subnetId string

@description('Private DNS zone for its name; empty where a policy of the landing zone writes it.')
param zoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: targetId
          groupIds: [groupId]
        }
      }
    ]
  }
}

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = if (!empty(zoneId)) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: groupId
        properties: { privateDnsZoneId: zoneId }
      }
    ]
  }
}
