# What the inventory and the facts of hosts read: what `windlass policy inventory` and `windlass policy facts` print (a test
# compares them). None of these reads an object, a message, an item, a secret's value or a parameter's value.

locals {
  actions = {
    "access-analyzer" = [
      "ListAnalyzers", "ListArchiveRules",
    ]
    account = [
      "ListRegions",
    ]
    acm = [
      "DescribeCertificate", "ListCertificates", "ListTagsForCertificate",
    ]
    apigateway = [
      "GET",
    ]
    appconfig = [
      "GetConfigurationProfile", "ListApplications", "ListConfigurationProfiles", "ListDeploymentStrategies",
      "ListEnvironments",
    ]
    appsync = [
      "ListDataSources", "ListGraphqlApis",
    ]
    athena = [
      "GetWorkGroup", "ListWorkGroups",
    ]
    autoscaling = [
      "DescribeAutoScalingGroups", "DescribeLaunchConfigurations",
    ]
    backup = [
      "GetBackupPlan", "GetBackupSelection", "ListBackupPlans", "ListBackupSelections", "ListBackupVaults",
      "ListTags",
    ]
    batch = [
      "DescribeComputeEnvironments", "DescribeJobDefinitions", "DescribeJobQueues",
    ]
    bedrock = [
      "GetAgent", "GetCustomModel", "GetGuardrail", "GetKnowledgeBase", "GetModelInvocationLoggingConfiguration",
      "ListAgents", "ListCustomModels", "ListDataSources", "ListGuardrails", "ListKnowledgeBases",
      "ListProvisionedModelThroughputs", "ListTagsForResource",
    ]
    cloudformation = [
      "DescribeStackSet", "DescribeStacks", "ListStackSets",
    ]
    cloudfront = [
      "ListDistributions", "ListTagsForResource",
    ]
    cloudtrail = [
      "DescribeTrails", "GetEventSelectors", "GetTrailStatus", "ListTags",
    ]
    cloudwatch = [
      "DescribeAlarms", "GetMetricData", "ListTagsForResource",
    ]
    codeartifact = [
      "ListRepositories", "ListTagsForResource",
    ]
    codebuild = [
      "BatchGetProjects", "ListProjects",
    ]
    codepipeline = [
      "GetPipeline", "ListPipelines", "ListTagsForResource",
    ]
    "cognito-identity" = [
      "DescribeIdentityPool", "GetIdentityPoolRoles", "ListIdentityPools",
    ]
    "cognito-idp" = [
      "DescribeUserPool", "DescribeUserPoolClient", "ListUserPoolClients", "ListUserPools",
    ]
    config = [
      "DescribeConfigRules", "DescribeConfigurationAggregators", "DescribeConfigurationRecorderStatus",
      "DescribeConfigurationRecorders", "DescribeConformancePacks", "DescribeDeliveryChannels", "ListTagsForResource",
    ]
    datasync = [
      "DescribeTask", "ListLocations", "ListTagsForResource", "ListTasks",
    ]
    dax = [
      "DescribeClusters", "ListTags",
    ]
    directconnect = [
      "DescribeConnections", "DescribeDirectConnectGatewayAssociations", "DescribeDirectConnectGateways",
      "DescribeLags", "DescribeVirtualInterfaces",
    ]
    dms = [
      "DescribeEndpoints", "DescribeReplicationInstances", "DescribeReplicationTasks", "ListTagsForResource",
    ]
    dynamodb = [
      "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "ListBackups", "ListTables",
      "ListTagsOfResource",
    ]
    ec2 = [
      "DescribeAddresses", "DescribeCapacityReservations", "DescribeClientVpnEndpoints", "DescribeCustomerGateways",
      "DescribeDhcpOptions", "DescribeEgressOnlyInternetGateways", "DescribeFlowLogs", "DescribeHosts",
      "DescribeImages", "DescribeInstanceAttribute", "DescribeInstances", "DescribeInternetGateways",
      "DescribeKeyPairs", "DescribeLaunchTemplateVersions", "DescribeLaunchTemplates", "DescribeManagedPrefixLists",
      "DescribeNatGateways", "DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribePlacementGroups",
      "DescribeRegions", "DescribeRouteTables", "DescribeSecurityGroups", "DescribeSnapshots", "DescribeSubnets",
      "DescribeTransitGatewayAttachments", "DescribeTransitGatewayRouteTables", "DescribeTransitGateways",
      "DescribeVolumes", "DescribeVpcEndpointServiceConfigurations", "DescribeVpcEndpoints",
      "DescribeVpcPeeringConnections", "DescribeVpcs", "DescribeVpnConnections", "DescribeVpnGateways",
      "GetManagedPrefixListEntries", "SearchTransitGatewayRoutes",
    ]
    ecr = [
      "DescribeRepositories", "ListTagsForResource",
    ]
    ecs = [
      "DescribeCapacityProviders", "DescribeClusters", "DescribeContainerInstances", "DescribeServices",
      "DescribeTaskDefinition", "DescribeTaskSets", "DescribeTasks", "ListClusters", "ListContainerInstances",
      "ListServices", "ListTaskDefinitions", "ListTasks",
    ]
    eks = [
      "DescribeAccessEntry", "DescribeAddon", "DescribeCluster", "DescribeFargateProfile", "DescribeNodegroup",
      "DescribePodIdentityAssociation", "ListAccessEntries", "ListAddons", "ListAssociatedAccessPolicies",
      "ListClusters", "ListFargateProfiles", "ListNodegroups", "ListPodIdentityAssociations",
    ]
    elasticache = [
      "DescribeCacheClusters", "DescribeCacheParameterGroups", "DescribeCacheParameters", "DescribeCacheSubnetGroups",
      "DescribeReplicationGroups", "DescribeServerlessCaches", "DescribeUsers", "ListTagsForResource",
    ]
    elasticfilesystem = [
      "DescribeAccessPoints", "DescribeFileSystems", "DescribeMountTargetSecurityGroups", "DescribeMountTargets",
    ]
    elasticloadbalancing = [
      "DescribeListeners", "DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeRules", "DescribeTags",
      "DescribeTargetGroups", "DescribeTargetHealth",
    ]
    elasticmapreduce = [
      "DescribeCluster", "ListClusters",
    ]
    "emr-serverless" = [
      "GetApplication", "ListApplications",
    ]
    es = [
      "DescribeDomain", "ListDomainNames", "ListTags",
    ]
    events = [
      "DescribeConnection", "ListApiDestinations", "ListArchives", "ListConnections", "ListEventBuses", "ListRules",
      "ListTagsForResource", "ListTargetsByRule",
    ]
    firehose = [
      "DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream",
    ]
    fsx = [
      "DescribeFileSystems", "DescribeVolumes",
    ]
    globalaccelerator = [
      "DescribeAcceleratorAttributes", "ListAccelerators", "ListEndpointGroups", "ListListeners",
      "ListTagsForResource",
    ]
    glue = [
      "GetConnections", "GetCrawlers", "GetDataCatalogEncryptionSettings", "GetDatabases", "GetJobs", "GetTables",
      "GetTags", "GetTriggers",
    ]
    guardduty = [
      "GetDetector", "ListDetectors", "ListPublishingDestinations",
    ]
    iam = [
      "GetAccessKeyLastUsed", "GetAccountPasswordPolicy", "GetGroupPolicy", "GetLoginProfile",
      "GetOpenIDConnectProvider", "GetPolicyVersion", "GetRole", "GetRolePolicy", "GetSAMLProvider", "GetUser",
      "GetUserPolicy", "ListAccessKeys", "ListAttachedGroupPolicies", "ListAttachedRolePolicies",
      "ListAttachedUserPolicies", "ListGroupPolicies", "ListGroups", "ListGroupsForUser", "ListInstanceProfileTags",
      "ListInstanceProfiles", "ListMFADevices", "ListOpenIDConnectProviders", "ListPolicies", "ListPolicyTags",
      "ListRolePolicies", "ListRoles", "ListSAMLProviders", "ListServerCertificateTags", "ListServerCertificates",
      "ListUserPolicies", "ListUsers",
    ]
    inspector2 = [
      "BatchGetAccountStatus", "ListFilters",
    ]
    kafka = [
      "ListClustersV2",
    ]
    kinesis = [
      "DescribeStreamSummary", "ListStreams", "ListTagsForStream",
    ]
    kms = [
      "DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListAliases", "ListKeys", "ListResourceTags",
    ]
    lambda = [
      "GetPolicy", "ListAliases", "ListEventSourceMappings", "ListFunctionUrlConfigs", "ListFunctions", "ListLayers",
      "ListTags",
    ]
    logs = [
      "DescribeLogGroups", "DescribeMetricFilters",
    ]
    macie2 = [
      "DescribeClassificationJob", "GetMacieSession", "ListClassificationJobs",
    ]
    memorydb = [
      "DescribeClusters", "DescribeSubnetGroups", "ListTags",
    ]
    mq = [
      "DescribeBroker", "ListBrokers",
    ]
    "network-firewall" = [
      "DescribeFirewall", "DescribeFirewallPolicy", "DescribeLoggingConfiguration", "DescribeRuleGroup",
      "ListFirewallPolicies", "ListFirewalls", "ListRuleGroups",
    ]
    organizations = [
      "DescribeOrganization", "DescribePolicy", "ListAccounts", "ListDelegatedAdministrators",
      "ListDelegatedServicesForAccount", "ListOrganizationalUnitsForParent", "ListParents", "ListPolicies",
      "ListRoots", "ListTagsForResource", "ListTargetsForPolicy",
    ]
    pipes = [
      "DescribePipe", "ListPipes",
    ]
    rds = [
      "DescribeDBClusterParameterGroups", "DescribeDBClusterParameters", "DescribeDBClusterSnapshots",
      "DescribeDBClusters", "DescribeDBInstances", "DescribeDBParameterGroups", "DescribeDBParameters",
      "DescribeDBProxies", "DescribeDBProxyTargets", "DescribeDBSnapshots", "DescribeDBSubnetGroups",
      "DescribeEventSubscriptions", "DescribeGlobalClusters", "DescribeOptionGroups", "ListTagsForResource",
    ]
    redshift = [
      "DescribeClusterSubnetGroups", "DescribeClusters",
    ]
    "redshift-serverless" = [
      "ListNamespaces", "ListTagsForResource", "ListWorkgroups",
    ]
    route53 = [
      "ListHealthChecks", "ListHostedZones", "ListResourceRecordSets", "ListTagsForResource",
    ]
    route53resolver = [
      "ListFirewallRuleGroups", "ListFirewallRules", "ListResolverEndpointIpAddresses", "ListResolverEndpoints",
      "ListResolverQueryLogConfigs", "ListResolverRuleAssociations", "ListResolverRules", "ListTagsForResource",
    ]
    s3 = [
      "DescribeJob", "GetAccelerateConfiguration", "GetAccessPoint", "GetAccessPointConfigurationForObjectLambda",
      "GetAccessPointPolicy", "GetAccessPointPolicyStatus", "GetAccountPublicAccessBlock",
      "GetAnalyticsConfiguration", "GetBucketAcl", "GetBucketCORS", "GetBucketLogging",
      "GetBucketMetadataTableConfiguration", "GetBucketNotification", "GetBucketObjectLockConfiguration",
      "GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketPublicAccessBlock",
      "GetBucketRequestPayment", "GetBucketTagging", "GetBucketVersioning", "GetBucketWebsite",
      "GetEncryptionConfiguration", "GetIntelligentTieringConfiguration", "GetInventoryConfiguration",
      "GetJobTagging", "GetLifecycleConfiguration", "GetMetricsConfiguration", "GetMultiRegionAccessPointPolicy",
      "GetMultiRegionAccessPointPolicyStatus", "GetReplicationConfiguration", "GetStorageLensConfiguration",
      "GetStorageLensConfigurationTagging", "ListAccessGrants", "ListAccessGrantsInstances",
      "ListAccessGrantsLocations", "ListAccessPoints", "ListAccessPointsForObjectLambda", "ListAllMyBuckets",
      "ListJobs", "ListMultiRegionAccessPoints", "ListStorageLensConfigurations", "ListTagsForResource",
    ]
    s3express = [
      "GetBucketPolicy", "GetEncryptionConfiguration", "GetLifecycleConfiguration", "ListAllMyDirectoryBuckets",
    ]
    s3tables = [
      "GetTableBucketEncryption", "GetTableBucketMaintenanceConfiguration", "GetTableBucketPolicy",
      "ListTableBuckets", "ListTables", "ListTagsForResource",
    ]
    s3vectors = [
      "GetIndex", "GetVectorBucket", "GetVectorBucketPolicy", "ListIndexes", "ListTagsForResource",
      "ListVectorBuckets",
    ]
    sagemaker = [
      "DescribeDomain", "DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel", "DescribeNotebookInstance",
      "ListDomains", "ListEndpointConfigs", "ListEndpoints", "ListModels", "ListNotebookInstances", "ListPipelines",
      "ListTags",
    ]
    scheduler = [
      "GetSchedule", "ListSchedules",
    ]
    secretsmanager = [
      "ListSecrets",
    ]
    securityhub = [
      "DescribeHub", "GetEnabledStandards", "ListTagsForResource",
    ]
    sns = [
      "GetTopicAttributes", "ListSubscriptions", "ListTagsForResource", "ListTopics",
    ]
    sqs = [
      "GetQueueAttributes", "ListQueueTags", "ListQueues",
    ]
    ssm = [
      "DescribeDocument", "DescribeDocumentPermission", "DescribeInstanceInformation", "DescribeInstancePatches",
      "DescribeInstancePatchStates", "DescribeMaintenanceWindows", "DescribeParameters", "DescribePatchBaselines",
      "GetInventorySchema", "GetPatchBaseline", "ListAssociations", "ListComplianceItems", "ListDocuments",
      "ListInventoryEntries", "ListTagsForResource",
    ]
    sso = [
      "DescribePermissionSet", "GetInlinePolicyForPermissionSet", "GetPermissionsBoundaryForPermissionSet",
      "ListAccountsForProvisionedPermissionSet", "ListApplications",
      "ListCustomerManagedPolicyReferencesInPermissionSet", "ListInstances", "ListManagedPoliciesInPermissionSet",
      "ListPermissionSets", "ListTagsForResource",
    ]
    states = [
      "DescribeStateMachine", "ListStateMachines", "ListTagsForResource",
    ]
    storagegateway = [
      "DescribeNFSFileShares", "DescribeSMBFileShares", "ListFileShares", "ListGateways", "ListTagsForResource",
    ]
    timestream = [
      "DescribeEndpoints", "ListDatabases", "ListTables", "ListTagsForResource",
    ]
    transfer = [
      "DescribeConnector", "DescribeServer", "DescribeUser", "ListConnectors", "ListServers", "ListUsers",
    ]
    wafv2 = [
      "GetIPSet", "GetLoggingConfiguration", "GetRuleGroup", "GetWebACL", "ListIPSets", "ListResourcesForWebACL",
      "ListRuleGroups", "ListTagsForResource", "ListWebACLs",
    ]
  }
}
