# What the inventory reads: what `windlass policy inventory` prints (a test compares them). None of these reads an object, a
# message, an item, a secret's value or a parameter's value.

locals {
  actions = {
    account = [
      "ListRegions",
    ]
    acm = [
      "DescribeCertificate", "ListCertificates", "ListTagsForCertificate",
    ]
    apigateway = [
      "GET",
    ]
    athena = [
      "GetWorkGroup", "ListWorkGroups",
    ]
    autoscaling = [
      "DescribeAutoScalingGroups",
    ]
    backup = [
      "GetBackupPlan", "ListBackupPlans", "ListBackupVaults", "ListTags",
    ]
    batch = [
      "DescribeComputeEnvironments", "DescribeJobQueues",
    ]
    cloudformation = [
      "DescribeStacks",
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
    datasync = [
      "DescribeTask", "ListLocations", "ListTagsForResource", "ListTasks",
    ]
    dynamodb = [
      "DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "ListTables", "ListTagsOfResource",
    ]
    ec2 = [
      "DescribeAddresses", "DescribeImages", "DescribeInstanceAttribute", "DescribeInstances",
      "DescribeInternetGateways", "DescribeKeyPairs", "DescribeLaunchTemplates", "DescribeNatGateways",
      "DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribeRegions", "DescribeRouteTables",
      "DescribeSecurityGroups", "DescribeSnapshots", "DescribeSubnets", "DescribeVolumes", "DescribeVpcEndpoints",
      "DescribeVpcs",
    ]
    ecr = [
      "DescribeRepositories", "ListTagsForResource",
    ]
    ecs = [
      "DescribeClusters", "DescribeServices", "DescribeTaskDefinition", "ListClusters", "ListServices",
      "ListTaskDefinitions",
    ]
    eks = [
      "DescribeCluster", "DescribeNodegroup", "ListClusters", "ListNodegroups",
    ]
    elasticache = [
      "DescribeCacheClusters", "DescribeReplicationGroups", "ListTagsForResource",
    ]
    elasticfilesystem = [
      "DescribeFileSystems",
    ]
    elasticloadbalancing = [
      "DescribeListeners", "DescribeLoadBalancers", "DescribeTags", "DescribeTargetGroups",
    ]
    elasticmapreduce = [
      "DescribeCluster", "ListClusters",
    ]
    es = [
      "DescribeDomain", "ListDomainNames", "ListTags",
    ]
    events = [
      "ListEventBuses", "ListRules", "ListTagsForResource", "ListTargetsByRule",
    ]
    firehose = [
      "DescribeDeliveryStream", "ListDeliveryStreams", "ListTagsForDeliveryStream",
    ]
    fsx = [
      "DescribeFileSystems",
    ]
    glue = [
      "GetDatabases", "GetJobs", "GetTables",
    ]
    iam = [
      "GetPolicyVersion", "ListAccessKeys", "ListAttachedGroupPolicies", "ListAttachedRolePolicies",
      "ListAttachedUserPolicies", "ListGroups", "ListGroupsForUser", "ListInstanceProfileTags",
      "ListInstanceProfiles", "ListMFADevices", "ListPolicies", "ListPolicyTags", "ListRolePolicies", "ListRoleTags",
      "ListRoles", "ListUserTags", "ListUsers",
    ]
    kafka = [
      "ListClustersV2",
    ]
    kinesis = [
      "DescribeStreamSummary", "ListStreams", "ListTagsForStream",
    ]
    kms = [
      "DescribeKey", "GetKeyRotationStatus", "ListAliases", "ListKeys", "ListResourceTags",
    ]
    lambda = [
      "GetPolicy", "ListEventSourceMappings", "ListFunctions", "ListLayers", "ListTags",
    ]
    logs = [
      "DescribeLogGroups",
    ]
    organizations = [
      "ListAccounts", "ListTagsForResource",
    ]
    rds = [
      "DescribeDBClusters", "DescribeDBInstances", "DescribeDBSnapshots", "DescribeDBSubnetGroups",
      "ListTagsForResource",
    ]
    redshift = [
      "DescribeClusters",
    ]
    route53 = [
      "ListHostedZones", "ListResourceRecordSets", "ListTagsForResource",
    ]
    s3 = [
      "GetAccelerateConfiguration", "GetAnalyticsConfiguration", "GetBucketAcl", "GetBucketCORS", "GetBucketLogging", "GetBucketMetadataTableConfiguration", "GetBucketNotification",
      "GetBucketObjectLockConfiguration", "GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus",
      "GetBucketPublicAccessBlock", "GetBucketRequestPayment", "GetBucketTagging", "GetBucketVersioning",
      "GetBucketWebsite", "GetEncryptionConfiguration", "GetIntelligentTieringConfiguration",
      "GetInventoryConfiguration", "GetLifecycleConfiguration", "GetMetricsConfiguration",
      "GetReplicationConfiguration", "ListAccessPoints", "ListAllMyBuckets",
    ]
    secretsmanager = [
      "ListSecrets",
    ]
    sns = [
      "GetTopicAttributes", "ListSubscriptions", "ListTagsForResource", "ListTopics",
    ]
    sqs = [
      "GetQueueAttributes", "ListQueueTags", "ListQueues",
    ]
    ssm = [
      "DescribeInstanceInformation", "DescribeParameters", "ListTagsForResource",
    ]
    states = [
      "DescribeStateMachine", "ListStateMachines", "ListTagsForResource",
    ]
    storagegateway = [
      "DescribeNFSFileShares", "DescribeSMBFileShares", "ListFileShares", "ListGateways", "ListTagsForResource",
    ]
    wafv2 = [
      "GetWebACL", "ListTagsForResource", "ListWebACLs",
    ]
  }
}
