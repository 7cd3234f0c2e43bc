// The custom roles of a deployment that watches single subscriptions; for management groups see ../management-group.
// What each role may do is data, in the .json files beside this one.
targetScope = 'subscription'

@description('Ends the names of the roles, so that two deployments in one tenant do not share them.')
param suffix string

@description('Subscription ids, besides this one, in which the roles can be assigned.')
param otherSubscriptions string[] = []

var caches = loadJsonContent('caches.json')
var endpoints = loadJsonContent('endpoints.json')
var subnets = loadJsonContent('subnets.json')
var zones = loadJsonContent('zones.json')
var zoneMaker = loadJsonContent('zone-maker.json')
var cacheMaker = loadJsonContent('cache-maker.json')
var networkMaker = loadJsonContent('network-maker.json')
var subnetChoice = loadJsonContent('subnet-choice.json')
var securityGroups = loadJsonContent('security-groups.json')
var zoneLinks = loadJsonContent('zone-links.json')
var zoneSearch = loadJsonContent('zone-search.json')
var roles = [caches, endpoints, subnets, zones, zoneMaker, cacheMaker, networkMaker, subnetChoice, securityGroups, zoneLinks, zoneSearch]

var here = subscription().id
var others = [for id in otherSubscriptions: '/subscriptions/${toLower(id)}']
var assignableScopes = union([here], others)

resource definitions 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in roles: {
  name: guid(here, suffix, role.id)
  properties: {
    roleName: '${role.name} ${suffix}'
    description: role.description
    type: 'CustomRole'
    permissions: [
      {
        actions: map(role.actions, each => each.action)
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: assignableScopes
  }
}]

output caches string = definitions[0].id
output endpoints string = definitions[1].id
output subnets string = definitions[2].id
output zones string = definitions[3].id
output zoneMaker string = definitions[4].id
output cacheMaker string = definitions[5].id
output networkMaker string = definitions[6].id
output subnetChoice string = definitions[7].id
output securityGroups string = definitions[8].id
output zoneLinks string = definitions[9].id
output zoneSearch string = definitions[10].id
