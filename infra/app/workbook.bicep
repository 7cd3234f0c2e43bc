// One page that shows what Drawbridge sees and does.

@description('Region.')
param location string

@description('Tags on every resource.')
param tags object

@description('The workspace that the logs are in.')
param workspaceId string

@description('What the workbook is called in the portal.')
param title string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspaceId, 'drawbridge')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: workspaceId
    version: 'Notebook/1.0'
    serializedData: replace(loadTextContent('workbook.json'), '{workspace}', workspaceId)
  }
}
