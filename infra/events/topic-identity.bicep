// Who a system topic is when it delivers.

@description('Name of the topic.')
param name string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: name
}

output id string = topic.id
output principalId string = topic.identity.principalId
