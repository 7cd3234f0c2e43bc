// What wakes somebody. docs/operate.md says what to do for each; the queries are in queries/.

@description('Starts the names of the alerts.')
param name string

@description('Region.')
param location string

@description('Tags on every resource.')
param tags object

@description('The workspace that the logs are in.')
param workspaceId string

@description('Addresses that alerts are mailed to; with none, alerts are only shown.')
param emails string[]

@description('Ids of action groups that are there already, for pagers and tickets.')
param actionGroups string[]

@description('Hours in which a sweep has to come to its end.')
@allowed([1, 2, 6, 24])
param sweepHours int

@description('Seconds that a cache may wait between an event and its pass, and that a message may be due on a queue.')
@minValue(60)
param waitingSeconds int

var perCache = [
  {
    name: 'cache'
    operator: 'Include'
    values: ['*']
  }
]
var perQueue = [
  {
    name: 'queue'
    operator: 'Include'
    values: ['*']
  }
]
// The longest that Azure lets a rule look back. What lasts is asked of the latest line about it, however long ago
// that was; what has happened once is looked for in more than one evaluation, since lines can come late.
var longest = 'P2D'
var rules = [
  {
    name: 'poison'
    title: 'Drawbridge gave up a message'
    severity: 2
    query: loadTextContent('queries/poison.kql')
    frequency: 'PT15M'
    window: 'PT1H'
    dimensions: []
  }
  {
    name: 'exposed'
    title: 'A cache is public and cannot be made private'
    severity: 1
    query: loadTextContent('queries/exposed.kql')
    frequency: 'PT15M'
    window: longest
    dimensions: perCache
  }
  {
    name: 'contested'
    title: 'A cache is fought over'
    severity: 1
    query: loadTextContent('queries/contested.kql')
    frequency: 'PT15M'
    window: longest
    dimensions: perCache
  }
  {
    name: 'dead-letters'
    title: 'Event Grid could not deliver events'
    severity: 3
    query: loadTextContent('queries/dead-letters.kql')
    frequency: 'PT1H'
    window: 'P1D'
    dimensions: []
  }
]

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'drawbridge'
    emailReceivers: [for address in emails: {
      name: address
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

var told = empty(emails) ? actionGroups : union(actionGroups, [mail.id])

resource seen 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: rule.title
    description: 'docs/operate.md#${rule.name}'
    severity: rule.severity
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: rule.dimensions
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    // The table is not there before the app has logged its first line.
    skipQueryValidation: true
    actions: { actionGroups: told }
  }
}]

resource waiting 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-waiting'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Caches wait long for their pass'
    description: 'docs/operate.md#waiting'
    severity: 2
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: loadTextContent('queries/waiting.kql')
          timeAggregation: 'Average'
          metricMeasureColumn: 'waited'
          operator: 'GreaterThan'
          threshold: waitingSeconds
          dimensions: []
          failingPeriods: {
            numberOfEvaluationPeriods: 2
            minFailingPeriodsToAlert: 2
          }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true
    actions: { actionGroups: told }
  }
}

resource standing 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-standing'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'A queue stands still'
    description: 'docs/operate.md#standing'
    severity: 2
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT15M'
    windowSize: longest
    criteria: {
      allOf: [
        {
          query: loadTextContent('queries/standing.kql')
          timeAggregation: 'Maximum'
          metricMeasureColumn: 'oldest'
          operator: 'GreaterThan'
          threshold: waitingSeconds
          dimensions: perQueue
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true
    actions: { actionGroups: told }
  }
}

resource sweeps 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-sweeps'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'No sweep has come to its end'
    description: 'docs/operate.md#sweeps'
    severity: 1
    enabled: true
    scopes: [workspaceId]
    evaluationFrequency: 'PT1H'
    windowSize: sweepHours == 24 ? 'P1D' : 'PT${sweepHours}H'
    criteria: {
      allOf: [
        {
          query: loadTextContent('queries/sweeps.kql')
          timeAggregation: 'Count'
          operator: 'LessThan'
          threshold: 1
          dimensions: []
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    skipQueryValidation: true
    actions: { actionGroups: told }
  }
}
