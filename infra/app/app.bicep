// The function app on Flex Consumption: its plan, itself, its settings, and who may call it.

@description('Name of the app.')
param name string

@description('Name of its plan.')
param planName string

@description('Region.')
param location string

@description('Tags on every resource.')
param tags object

@description('Resource id of the identity.')
param identityId string

@description('Client id of the identity.')
param identityClientId string

@description('Object id of the identity.')
param identityPrincipalId string

@description('Blob service of the storage account, with a slash at its end.')
param blobEndpoint string

@description('Queue service of the storage account.')
param queueEndpoint string

@description('Table service of the storage account.')
param tableEndpoint string

@description('Container of the deployed package.')
param deploymentContainer string

@description('Where telemetry goes.')
param insightsConnectionString string

@description('Python version.')
param pythonVersion string

@description('Memory of one instance.')
param instanceMemoryMB int

@description('Most instances at once.')
param maximumInstanceCount int

@description('When sweeps start.')
param sweepSchedule string

@description('Endpoint of the topic for announcements; empty for none.')
param topicEndpoint string

@description('Azure Resource Manager of this cloud.')
param armEndpoint string

@description('Whether the app has a public address: restricted to Event Grid and the callers named, or none at all.')
@allowed(['restricted', 'closed'])
param inbound string

@description('Address ranges that may call the API.')
param allowedCallers string[]

@description('Client id of the app registration that callers of the API sign in to; empty: they show a function key.')
param signInClientId string

@description('What a function key alone allows in the API.')
@allowed(['Reader', 'Operator', 'Admin'])
param keyRole string

@description('Subnet for outgoing traffic; empty for none.')
param subnetId string

var eventGrid = {
  name: 'event-grid'
  description: 'Event Grid delivers events.'
  priority: 100
  action: 'Allow'
  tag: 'ServiceTag'
  ipAddress: 'AzureEventGrid'
}
var callers = [for (addresses, index) in allowedCallers: {
  name: 'caller-${index}'
  description: 'May call the API.'
  priority: 200 + index
  action: 'Allow'
  tag: 'Default'
  ipAddress: addresses
}]

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: inbound == 'closed' ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictions: flatten([[eventGrid], callers])
      ipSecurityRestrictionsDefaultAction: 'Deny'
      // Deployments come in here, with a token of Entra ID: publishing passwords are off below.
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: blobEndpoint
    AzureWebJobsStorage__queueServiceUri: queueEndpoint
    AzureWebJobsStorage__tableServiceUri: tableEndpoint
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    AZURE_CLIENT_ID: identityClientId
    DRAWBRIDGE_ARM_ENDPOINT: armEndpoint
    DRAWBRIDGE_KEY_ROLE: keyRole
    DRAWBRIDGE_PRINCIPAL_ID: identityPrincipalId
    DRAWBRIDGE_SIGN_IN: empty(signInClientId) ? 'key' : 'entra'
    DRAWBRIDGE_SWEEP_SCHEDULE: sweepSchedule
    DRAWBRIDGE_TOPIC_ENDPOINT: topicEndpoint
  }
}

resource signIn 'Microsoft.Web/sites/config@2024-11-01' = if (!empty(signInClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: false
      // Event Grid shows a key of its own, and the app itself turns away callers of the API who have not signed in.
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [signInClientId, 'api://${signInClientId}']
        }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

output id string = app.id
output name string = app.name
output hostName string = app.properties.defaultHostName
