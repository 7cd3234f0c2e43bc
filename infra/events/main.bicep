// Brings the events of one subscription to Drawbridge: the second step of a deployment, since Event Grid delivers
// only to a function or queue that is there. Run in the subscription that is to be watched:
//
//   az deployment sub create --subscription <watched> --location <region> \
//     --template-file infra/events/main.bicep --parameters functionAppId=<APP_ID> storageAccountId=<STORAGE_ID>
targetScope = 'subscription'

@description('Resource id of the function app: the output APP_ID of infra/main.bicep.')
param functionAppId string

@description('Resource id of its storage account: the output STORAGE_ID of infra/main.bicep.')
param storageAccountId string

@description('How events reach the app: pushed to the function, or put on its queue where it has no public address. The output EVENT_DELIVERY of infra/main.bicep.')
@allowed(['function', 'queue'])
param delivery string = 'function'

@description('Name of a system topic of this subscription that is there already. Azure allows one for each subscription, so it is shared, not replaced. It needs a system-assigned identity. Empty: one is made.')
param existingTopicName string = ''

@description('Resource group of the system topic: of the one that is there, or of the one that is made.')
param topicResourceGroup string = 'rg-drawbridge-events'

@description('Region of the resource group that is made.')
param location string = deployment().location

@description('Name of the system topic that is made.')
param topicName string = 'evgt-drawbridge'

@description('Name of the event subscription. Two deployments that watch the same subscription need two names.')
@minLength(3)
@maxLength(64)
param eventSubscriptionName string = 'drawbridge'

@description('Tags on what is made.')
param tags object = {}

var adopt = !empty(existingTopicName)
var topic = adopt ? existingTopicName : topicName

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = if (!adopt) {
  name: topicResourceGroup
  location: location
  tags: tags
}

module made 'topic.bicep' = if (!adopt) {
  name: 'drawbridge-topic'
  scope: resourceGroup(topicResourceGroup)
  params: {
    name: topic
    tags: tags
  }
  dependsOn: [group]
}

module found 'topic-identity.bicep' = {
  name: 'drawbridge-topic-identity'
  scope: resourceGroup(topicResourceGroup)
  params: { name: topic }
  dependsOn: [made]
}

module access 'access.bicep' = {
  name: 'drawbridge-access-${uniqueString(subscription().id, eventSubscriptionName)}'
  scope: resourceGroup(split(storageAccountId, '/')[2], split(storageAccountId, '/')[4])
  params: {
    storageAccountName: split(storageAccountId, '/')[8]
    principalId: found.outputs.principalId
    queue: delivery == 'queue'
  }
}

module subscribed 'subscription.bicep' = {
  name: 'drawbridge-event-subscription'
  scope: resourceGroup(topicResourceGroup)
  params: {
    topicName: topic
    name: eventSubscriptionName
    functionAppId: functionAppId
    storageAccountId: storageAccountId
    delivery: delivery
  }
  dependsOn: [access]
}

output TOPIC_ID string = found.outputs.id
