// The custom roles of a company that is watched through a management group, and what of them is assigned there.
//
//   az deployment mg create --management-group-id <group> --location <region> \
//     --template-file infra/management-group/main.bicep --parameters principalId=<APP_PRINCIPAL_ID>
//
// A file of its own, since a template for a subscription cannot reach up to a management group.
targetScope = 'managementGroup'

@description('Object id of the app\'s identity: the output APP_PRINCIPAL_ID of the deployment of infra/main.bicep.')
@minLength(36)
@maxLength(36)
param principalId string

@description('Ends the names of the roles, so that two deployments in one tenant do not share them.')
@minLength(1)
@maxLength(40)
param suffix string = 'main'

@description('Assign the roles for endpoints, subnets and zones over the whole group too. Off: they are defined only, and assigned where the placements of the policy lead.')
param assignNetwork bool = false

var caches = loadJsonContent('../roles/caches.json')
var descendants = loadJsonContent('../roles/management-group.json')
var endpoints = loadJsonContent('../roles/endpoints.json')
var subnets = loadJsonContent('../roles/subnets.json')
var zones = loadJsonContent('../roles/zones.json')
var zoneMaker = loadJsonContent('../roles/zone-maker.json')
var cacheMaker = loadJsonContent('../roles/cache-maker.json')
var networkMaker = loadJsonContent('../roles/network-maker.json')
var subnetChoice = loadJsonContent('../roles/subnet-choice.json')
var securityGroups = loadJsonContent('../roles/security-groups.json')
var zoneLinks = loadJsonContent('../roles/zone-links.json')
var zoneSearch = loadJsonContent('../roles/zone-search.json')
var roles = [caches, descendants, endpoints, subnets, zones, zoneMaker, cacheMaker, networkMaker, subnetChoice, securityGroups, zoneLinks, zoneSearch]

var here = managementGroup().id
// The first two are what a sweep needs; makers and choosers are assigned by main.bicep, group by group.
var assigned = assignNetwork ? 5 : 2

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
    assignableScopes: [here]
  }
}]

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for index in range(0, assigned): {
  name: guid(here, suffix, principalId, roles[index].id)
  properties: {
    roleDefinitionId: definitions[index].id
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}]

output ROLE_CACHES string = definitions[0].id
output ROLE_MANAGEMENT_GROUP string = definitions[1].id
output ROLE_ENDPOINTS string = definitions[2].id
output ROLE_SUBNETS string = definitions[3].id
output ROLE_ZONES string = definitions[4].id
output ROLE_ZONE_MAKER string = definitions[5].id
output ROLE_CACHE_MAKER string = definitions[6].id
output ROLE_NETWORK_MAKER string = definitions[7].id
output ROLE_SUBNET_CHOICE string = definitions[8].id
output ROLE_SECURITY_GROUPS string = definitions[9].id
output ROLE_ZONE_LINKS string = definitions[10].id
output ROLE_ZONE_SEARCH string = definitions[11].id
