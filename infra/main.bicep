// Drawbridge in one subscription: `azd up` runs this, or
//
//   az deployment sub create --location <region> --template-file infra/main.bicep --parameters infra/examples/<size>.parameters.json
//
// It makes the app and what it needs. Events come second, once the functions are there: infra/events. What a company
// watches through a management group gets its roles from infra/management-group.
targetScope = 'subscription'

@description('Name of this deployment. It ends the names of resources and roles.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything. Flex Consumption has to be offered there: az functionapp list-flexconsumption-locations.')
@minLength(1)
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@description('Tags on every resource and resource group that is made, beside those of azd.')
param extraTags object = {}

// ── what is watched ──────────────────────────────────────────────────────────────────────────────

@description('Ids of the subscriptions whose caches are watched; empty: this one. Leave it empty too where a management group is watched.')
param watchedSubscriptions string[] = []

@description('Define the custom roles here and assign them. Off, where infra/management-group does all of it.')
param assignRoles bool = true

@description('Ids of the resource groups in which endpoints are made: endpointResourceGroup of each placement.')
param endpointResourceGroups string[] = []

@description('Ids of the subnets in which endpoints take their addresses: subnet of each placement.')
param subnets string[] = []

@description('Ids of the private DNS zones that endpoints are named in: dns.zones of each placement.')
param dnsZones string[] = []

@description('Ids of the resource groups in which zones may be made: those of the networks of placements with dns: create.')
param zoneMakerResourceGroups string[] = []

@description('Ids of the resource groups in which the API may be asked for caches.')
param cacheMakerResourceGroups string[] = []

@description('Ids of the resource groups in which the API may be asked for networks: networks.allow of the policy.')
param networkMakerResourceGroups string[] = []

@description('Ids of the resource groups of networks in whose subnets callers of the API may choose to have endpoints.')
param subnetChoiceResourceGroups string[] = []

@description('Ids of the resource groups of application security groups that callers of the API may put endpoints into.')
param securityGroupResourceGroups string[] = []

@description('Ids of the private DNS zones that networks the API is asked for are linked to, such as a hub\'s: networks.zones of the policy, and dns.zones of its placements.')
param linkedDnsZones string[] = []

@description('Ids of the subscriptions in which zones are looked for that such a network is linked to already: its own, and a hub\'s.')
param zoneSearchSubscriptions string[] = []

@description('Cron expression with six fields that says when a sweep starts.')
@minLength(11)
param sweepSchedule string = '0 */15 * * * *'

@description('Id of an Event Grid topic, of the CloudEvents schema, that announcements are published to; empty: none are.')
param announcementTopicId string = ''

// ── how the app is reached, and what it reaches ──────────────────────────────────────────────────

@description('restricted: a public address that only Event Grid and allowedCallers reach. closed: none at all; events come through a storage queue, and deployments only from inside the network.')
@allowed(['restricted', 'closed'])
param inbound string = 'restricted'

@description('Address ranges (CIDR) that may call the API.')
param allowedCallers string[] = []

@description('Client id of the app registration that callers of the API sign in to, with the roles Drawbridge.Reader, Drawbridge.Operator and Drawbridge.Admin; empty: they show a function key. It has to give version 2 tokens (api.requestedAccessTokenVersion).')
param signInClientId string = ''

@description('What a function key alone allows in the API.')
@allowed(['Reader', 'Operator', 'Admin'])
param keyRole string = 'Operator'

@description('Put the app into a network, and let storage be reached only from there. Needed for inbound: closed.')
param vnetEnabled bool = true

@description('Address range of the network that is made: a /24 or larger.')
param vnetAddressPrefix string = '10.71.0.0/24'

@description('Id of a subnet that is there already for the app, delegated to Microsoft.App/environments, a /27 or larger, with no _ in its name; empty: a network is made.')
param appSubnetId string = ''

@description('Id of a subnet that is there already for private endpoints of storage and app; goes with appSubnetId.')
param endpointSubnetId string = ''

@description('Who makes the DNS zones of storage and app. create: made here, and linked to the network of the app. existing: zoneIds says where they are. policy: Azure Policy of the landing zone writes the names.')
@allowed(['create', 'existing', 'policy'])
param zones string = 'create'

@description('For zones: existing. Ids of the private DNS zones for the services blob, queue, table and sites.')
param zoneIds object = {}

// ── how large, and how long ──────────────────────────────────────────────────────────────────────

@description('Python of the app. The package has to be built for the same.')
@allowed(['3.11', '3.12', '3.13'])
param pythonVersion string = '3.12'

@description('Memory of one instance.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Most instances at once. What Azure Resource Manager allows in an hour is used up long before the instances are.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Copies that storage keeps. What callers of the API have asked for is kept there and nowhere else. A region without availability zones has only Standard_LRS.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_ZRS'

@description('Days after which an event that could not be delivered is deleted.')
@minValue(1)
@maxValue(365)
param deadLetterDays int = 30

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day after which no more are taken; -1 is no limit. Alerts are deaf beyond it.')
@minValue(-1)
param logDailyQuotaGb int = 5

// ── who is woken ─────────────────────────────────────────────────────────────────────────────────

@description('Addresses that alerts are mailed to.')
param alertEmails string[] = []

@description('Ids of action groups that are there already, for pagers and tickets.')
param alertActionGroups string[] = []

@description('Hours in which a sweep has to come to its end.')
@allowed([1, 2, 6, 24])
param alertSweepHours int = 2

@description('Seconds that a cache may wait between an event and its pass, and that a message may be due on a queue.')
@minValue(60)
param alertWaitingSeconds int = 600

// ── names ────────────────────────────────────────────────────────────────────────────────────────

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = union(extraTags, { 'azd-env-name': environmentName })
var here = subscription().subscriptionId
var watched = empty(watchedSubscriptions) ? [here] : watchedSubscriptions
var services = [
  {
    name: 'blob'
    zone: 'privatelink.blob.${environment().suffixes.storage}'
  }
  {
    name: 'queue'
    zone: 'privatelink.queue.${environment().suffixes.storage}'
  }
  {
    name: 'table'
    zone: 'privatelink.table.${environment().suffixes.storage}'
  }
]
var sitesZone = 'privatelink.azurewebsites.net'
var makesNetwork = vnetEnabled && empty(appSubnetId)
var makesZones = vnetEnabled && zones == 'create'
var storageZones = [for service in services: service.zone]
var zoneNames = inbound == 'closed' ? union(storageZones, [sitesZone]) : storageZones
var made = union(zoneMakerResourceGroups, cacheMakerResourceGroups, networkMakerResourceGroups)
var chosen = union(subnetChoiceResourceGroups, securityGroupResourceGroups)
var placed = union(endpointResourceGroups, subnets, dnsZones, linkedDnsZones, chosen, made)
var placedIn = [for id in placed: split(id, '/')[2]]
var zonesHere = '/subscriptions/${here}/resourceGroups/rg-${environmentName}/providers/Microsoft.Network/privateDnsZones'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'app/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-drawbridge-${token}'
    location: location
    tags: tags
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'stdb${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    redundancy: storageRedundancy
    private: vnetEnabled
    deadLetterDays: deadLetterDays
  }
}

module monitoring 'app/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-drawbridge-${token}'
    insightsName: 'appi-drawbridge-${token}'
    location: location
    tags: tags
    principalId: identity.outputs.principalId
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module network 'app/network.bicep' = {
  name: 'network'
  scope: group
  params: {
    create: makesNetwork
    name: 'vnet-drawbridge-${token}'
    location: location
    tags: tags
    addressPrefix: vnetAddressPrefix
    createZones: makesZones
    zoneNames: zoneNames
    linkedNetworkId: first(split(appSubnetId, '/subnets/'))
  }
}

module ways 'app/private-endpoint.bicep' = [for service in services: if (vnetEnabled) {
  name: 'private-${service.name}'
  scope: group
  params: {
    name: 'pe-drawbridge-${service.name}-${token}'
    location: location
    tags: tags
    targetId: storage.outputs.id
    groupId: service.name
    subnetId: makesNetwork ? network.outputs.endpointSubnetId : endpointSubnetId
    zoneId: makesZones ? '${zonesHere}/${service.zone}' : zones == 'existing' ? zoneIds[service.name] : ''
  }
  dependsOn: [network]
}]

module announcements 'app/announcements.bicep' = if (!empty(announcementTopicId)) {
  name: 'announcements-${token}'
  scope: resourceGroup(split(announcementTopicId, '/')[2], split(announcementTopicId, '/')[4])
  params: {
    topicName: last(split(announcementTopicId, '/'))
    principalId: identity.outputs.principalId
  }
}

module app 'app/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-drawbridge-${token}'
    planName: 'plan-drawbridge-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    identityPrincipalId: identity.outputs.principalId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    deploymentContainer: storage.outputs.deploymentContainer
    insightsConnectionString: monitoring.outputs.connectionString
    pythonVersion: pythonVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    sweepSchedule: sweepSchedule
    topicEndpoint: empty(announcementTopicId) ? '' : announcements.outputs.endpoint
    armEndpoint: environment().resourceManager
    inbound: inbound
    allowedCallers: allowedCallers
    signInClientId: signInClientId
    keyRole: keyRole
    subnetId: !vnetEnabled ? '' : makesNetwork ? network.outputs.appSubnetId : appSubnetId
  }
  // The host cannot start before it reaches its storage.
  dependsOn: [ways]
}

module wayIn 'app/private-endpoint.bicep' = if (inbound == 'closed') {
  name: 'private-sites'
  scope: group
  params: {
    name: 'pe-drawbridge-sites-${token}'
    location: location
    tags: tags
    targetId: app.outputs.id
    groupId: 'sites'
    subnetId: makesNetwork ? network.outputs.endpointSubnetId : endpointSubnetId
    zoneId: makesZones ? '${zonesHere}/${sitesZone}' : zones == 'existing' ? zoneIds.sites : ''
  }
}

module alerts 'app/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: 'drawbridge-${environmentName}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    emails: alertEmails
    actionGroups: alertActionGroups
    sweepHours: alertSweepHours
    waitingSeconds: alertWaitingSeconds
  }
}

module workbook 'app/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    title: 'Drawbridge ${environmentName}'
  }
}

// ── what the app may do elsewhere ────────────────────────────────────────────────────────────────

// Without assignRoles there are no outputs of roles, and what a condition leaves out may be worked out all the same.
module roles 'roles/definitions.bicep' = if (assignRoles) {
  name: 'drawbridge-roles-${token}'
  params: {
    suffix: '${environmentName}-${token}'
    otherSubscriptions: union(watched, zoneSearchSubscriptions, placedIn)
  }
}

module cacheRoles 'roles/at-subscription.bicep' = [for id in watched: if (assignRoles) {
  name: 'drawbridge-caches-${token}'
  scope: subscription(id)
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.caches : ''
    principalId: identity.outputs.principalId
  }
}]

module endpointRoles 'roles/at-group.bicep' = [for id in endpointResourceGroups: if (assignRoles) {
  name: 'drawbridge-endpoints-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.endpoints : ''
    principalId: identity.outputs.principalId
  }
}]

module subnetRoles 'roles/at-subnet.bicep' = [for id in subnets: if (assignRoles) {
  name: 'drawbridge-subnet-${uniqueString(id, token)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    networkName: split(id, '/')[8]
    subnetName: split(id, '/')[10]
    roleDefinitionId: assignRoles ? roles.outputs.subnets : ''
    principalId: identity.outputs.principalId
  }
}]

module zoneRoles 'roles/at-zone.bicep' = [for id in dnsZones: if (assignRoles) {
  name: 'drawbridge-zone-${uniqueString(id, token)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    zoneName: split(id, '/')[8]
    roleDefinitionId: assignRoles ? roles.outputs.zones : ''
    principalId: identity.outputs.principalId
  }
}]

module zoneMakerRoles 'roles/at-group.bicep' = [for id in zoneMakerResourceGroups: if (assignRoles) {
  name: 'drawbridge-zone-maker-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.zoneMaker : ''
    principalId: identity.outputs.principalId
  }
}]

module createdZoneRoles 'roles/at-group.bicep' = [for id in zoneMakerResourceGroups: if (assignRoles) {
  name: 'drawbridge-created-zones-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.zones : ''
    principalId: identity.outputs.principalId
  }
}]

module cacheMakerRoles 'roles/at-group.bicep' = [for id in cacheMakerResourceGroups: if (assignRoles) {
  name: 'drawbridge-cache-maker-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.cacheMaker : ''
    principalId: identity.outputs.principalId
  }
}]

module networkMakerRoles 'roles/at-group.bicep' = [for id in networkMakerResourceGroups: if (assignRoles) {
  name: 'drawbridge-network-maker-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.networkMaker : ''
    principalId: identity.outputs.principalId
  }
}]

module subnetChoiceRoles 'roles/at-group.bicep' = [for id in subnetChoiceResourceGroups: if (assignRoles) {
  name: 'drawbridge-subnet-choice-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.subnetChoice : ''
    principalId: identity.outputs.principalId
  }
}]

module securityGroupRoles 'roles/at-group.bicep' = [for id in securityGroupResourceGroups: if (assignRoles) {
  name: 'drawbridge-security-groups-${token}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.securityGroups : ''
    principalId: identity.outputs.principalId
  }
}]

module zoneLinkRoles 'roles/at-zone.bicep' = [for id in linkedDnsZones: if (assignRoles) {
  name: 'drawbridge-zone-links-${uniqueString(id, token)}'
  scope: resourceGroup(split(id, '/')[2], split(id, '/')[4])
  params: {
    zoneName: split(id, '/')[8]
    roleDefinitionId: assignRoles ? roles.outputs.zoneLinks : ''
    principalId: identity.outputs.principalId
  }
}]

module zoneSearchRoles 'roles/at-subscription.bicep' = [for id in zoneSearchSubscriptions: if (assignRoles) {
  name: 'drawbridge-zone-search-${token}'
  scope: subscription(id)
  params: {
    roleDefinitionId: assignRoles ? roles.outputs.zoneSearch : ''
    principalId: identity.outputs.principalId
  }
}]

output RESOURCE_GROUP string = group.name
output APP_ID string = app.outputs.id
output APP_NAME string = app.outputs.name
output APP_HOST string = app.outputs.hostName
output APP_PRINCIPAL_ID string = identity.outputs.principalId
output STORAGE_ID string = storage.outputs.id
output EVENT_DELIVERY string = inbound == 'closed' ? 'queue' : 'function'
output WATCHED_SUBSCRIPTIONS string = join(watched, ' ')
output PYTHON_VERSION string = pythonVersion
output WORKSPACE_ID string = monitoring.outputs.workspaceId
