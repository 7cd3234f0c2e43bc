// The app's network: one that is given, or one made here; and the DNS zones of what it reaches privately.

@description('Make a network, or only pass on what is given.')
param create bool

@description('Name of the network that is made.')
param name string

@description('Region.')
param location string

@description('Tags on every resource.')
param tags object

@description('Address range of the network that is made, a /24 or larger.')
param addressPrefix string

@description('Make the private DNS zones of storage and of the app, and link them to the network.')
param createZones bool

@description('DNS zones to make.')
param zoneNames string[]

@description('Network that the zones are linked to, where none is made.')
param linkedNetworkId string

resource closed 'Microsoft.Network/networkSecurityGroups@2024-07-01' = if (create) {
  name: 'nsg-${name}'
  location: location
  tags: tags
  // The rules that every group has are enough: in from the network, out to anywhere.
  properties: { securityRules: [] }
}

resource network 'Microsoft.Network/virtualNetworks@2024-07-01' = if (create) {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          networkSecurityGroup: { id: closed.id }
          delegations: [
            {
              name: 'flex'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          networkSecurityGroup: { id: closed.id }
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in zoneNames: if (createZones) {
  name: zone
  location: 'global'
  tags: tags
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, index) in zoneNames: if (createZones) {
  parent: zones[index]
  name: 'to-${name}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: create ? network.id : linkedNetworkId }
  }
}]

output appSubnetId string = create ? '${network.id}/subnets/app' : ''
output endpointSubnetId string = create ? '${network.id}/subnets/endpoints' : ''
