"""For every shipped check: documents that pass and documents that fail, in the form in which the inventory keeps them."""

BLOCKED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
ENFORCED = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
PREFERRED = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
ALL_USERS = {"Grants": [{"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}}]}
ANY_ACCOUNT = {
    "Grants": [{"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}}]
}
OWNER = {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "abc"}, "Permission": "FULL_CONTROL"}]}


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(principal, action="s3:GetObject", **more):
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::b/*", **more}


PUBLIC = policy(allow("*"))
PUBLIC_AWS = policy(allow({"AWS": ["*"]}))
LIMITED = policy(allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}))
LIMITED_WIDELY = policy(allow("*", Condition={"StringLike": {"aws:SourceArn": "arn:aws:s3:::*"}}))
BY_ADDRESS = policy(allow("*", Condition={"IpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}}))
BY_EVERY_ADDRESS = policy(allow("*", Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}))
UNLESS = policy(allow("*", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}))
NAMED = policy(allow({"AWS": "arn:aws:iam::222222222222:role/reader"}))
TLS = policy(
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
)
TLS_FOR_SOME = policy(
    {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:PrincipalAccount": "1"}},
    }
)
ADMIN = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
READER = policy({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"})


def rules(*ports, cidr="0.0.0.0/0", protocol="tcp"):
    first, last = ports if len(ports) == 2 else (ports[0], ports[0])
    return {
        "IpPermissions": [{"IpProtocol": protocol, "FromPort": first, "ToPort": last, "IpRanges": [{"CidrIp": cidr}]}]
    }


V6 = {"IpPermissions": [{"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]}
LIFECYCLE = {
    "Lifecycle": [
        {
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        }
    ]
}
DISABLED = {"Lifecycle": [{**LIFECYCLE["Lifecycle"][0], "Status": "Disabled"}]}
VERSIONED = {"Versioning": {"Status": "Enabled"}}
KMS = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}]}
AES = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
MANAGED = {"KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "Origin": "AWS_KMS", "KeyState": "Enabled"}
DATA_EVENTS = {"ReadWriteType": "WriteOnly", "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}]}
ADVANCED = {"FieldSelectors": [{"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]}
ZONES = {"AvailabilityZones": [{"ZoneName": "eu-west-1a"}, {"ZoneName": "eu-west-1b"}]}
ONE_ZONE = {"AvailabilityZones": [{"ZoneName": "eu-west-1a"}]}
WEB = {"Type": "application", "Scheme": "internet-facing"}
HTTP = {"Protocol": "HTTP", "DefaultActions": [{"Type": "forward"}]}
REDIRECT = {"Protocol": "HTTP", "DefaultActions": [{"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS"}}]}
HTTPS = {"Protocol": "HTTPS", "DefaultActions": [{"Type": "forward"}]}
SSH_FROM_ANYWHERE = {
    "Egress": False,
    "RuleAction": "allow",
    "CidrBlock": "0.0.0.0/0",
    "Protocol": "6",
    "PortRange": {"From": 20, "To": 25},
}
SUBNETS = {"VpcConfig": {"SubnetIds": ["subnet-1", "subnet-2"]}}


def origin(**members):
    return {"Origins": {"Items": [{"Id": "o", **members}]}}


def either(name, good=True, bad=False):
    return [{name: good}], [{name: bad}, {}]


def inner(name, member, good=True, bad=False):
    return [{name: {member: good}}], [{name: {member: bad}}, {}]


QUEUE = "arn:aws:sqs:eu-west-1:111111111111:arrivals"
GONE = "arn:aws:sqs:eu-west-1:111111111111:gone"
UNREAD = "arn:aws:sqs:eu-west-1:333333333333:unread"

EXAMPLES = {
    # S3
    "s3-block-public-access": (
        [{"PublicAccessBlock": BLOCKED}],
        [{}, *({"PublicAccessBlock": {**BLOCKED, name: False}} for name in BLOCKED)],
    ),
    "s3-public-policy": (
        [
            {},
            *({"Policy": each} for each in (LIMITED, BY_ADDRESS, NAMED, TLS)),
            {"Policy": PUBLIC, "PublicAccessBlock": BLOCKED},
        ],
        [{"Policy": each} for each in (PUBLIC, PUBLIC_AWS, LIMITED_WIDELY, BY_EVERY_ADDRESS, UNLESS)],
    ),
    "s3-public-acl": (
        [
            {},
            {"Acl": OWNER},
            {"Acl": ALL_USERS, "PublicAccessBlock": BLOCKED},
            {"Acl": ALL_USERS, "OwnershipControls": ENFORCED},
        ],
        [{"Acl": ALL_USERS}, {"Acl": ANY_ACCOUNT, "OwnershipControls": PREFERRED}],
    ),
    "s3-tls-only": ([{"Policy": TLS}], [{}, {"Policy": NAMED}, {"Policy": TLS_FOR_SOME}]),
    "s3-other-accounts": (
        [
            {},
            {"Policy": NAMED},
            {"Policy": policy(allow({"AWS": "arn:aws:iam::111111111111:root"}, "s3:*"))},
            {"Policy": policy(allow({"Service": "logging.s3.amazonaws.com"}, "s3:PutObject"))},
        ],
        [
            {"Policy": policy(allow({"AWS": "arn:aws:iam::222222222222:root"}, "s3:Put*"))},
            {"Policy": policy(allow({"AWS": "222222222222"}, ["s3:GetObject", "s3:PutBucketPolicy"]))},
        ],
    ),
    "s3-acls-off": ([{"OwnershipControls": ENFORCED}], [{}, {"OwnershipControls": PREFERRED}]),
    "s3-access-logging": ([{"Logging": {"TargetBucket": "logs"}}], [{}, {"Logging": None}]),
    "s3-lifecycle": ([LIFECYCLE], [{}, DISABLED]),
    "s3-noncurrent-versions": ([{**VERSIONED, **LIFECYCLE}], [VERSIONED, {**VERSIONED, **DISABLED}]),
    "s3-incomplete-uploads": ([LIFECYCLE], [{}, DISABLED]),
    "s3-versioning": ([VERSIONED], [{}, {"Versioning": {"Status": "Suspended"}}]),
    "s3-mfa-delete": ([{"Versioning": {"Status": "Enabled", "MFADelete": "Enabled"}}], [VERSIONED]),
    "s3-kms-encryption": ([{"Encryption": KMS}], [{"Encryption": AES}, {}]),
    "s3-website": ([{}, {"Website": None}], [{"Website": {"IndexDocument": {"Suffix": "index.html"}}}]),
    "s3-cors-any-origin": (
        [
            {},
            {"Cors": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]},
            {"Cors": [{"AllowedOrigins": ["https://a.example"], "AllowedMethods": ["PUT"]}]},
        ],
        [{"Cors": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "PUT"]}]}],
    ),
    "s3-account-block-public-access": ([BLOCKED], [{}, *({**BLOCKED, name: False} for name in BLOCKED)]),
    **dict.fromkeys(
        ("s3-access-point-block-public-access", "s3-multi-region-access-point-block-public-access"),
        (
            [{"PublicAccessBlock": BLOCKED}],
            [{}, *({"PublicAccessBlock": {**BLOCKED, name: False}} for name in BLOCKED)],
        ),
    ),
    "s3-access-point-public-policy": (
        [
            {},
            {"Policy": NAMED},
            {"Policy": PUBLIC, "VpcConfiguration": {"VpcId": "vpc-1"}},
            {"Policy": PUBLIC, "PublicAccessBlock": BLOCKED},
        ],
        [{"Policy": PUBLIC}, {"Policy": PUBLIC_AWS, "PublicAccessBlock": {"RestrictPublicBuckets": False}}],
    ),
    "s3-directory-bucket-lifecycle": ([LIFECYCLE], [{}, DISABLED, {"Lifecycle": []}]),
    "s3-replication": (
        [{"Replication": {"Rules": [{"Status": "Enabled"}]}}],
        [{}, {"Replication": {"Rules": [{"Status": "Disabled"}]}}],
    ),
    "s3-event-notifications": (
        [
            {"Notification": {"QueueConfigurations": [{"QueueArn": QUEUE}]}},
            {"Notification": {"EventBridgeConfiguration": {}}},
        ],
        [{}, {"Notification": {}}],
    ),
    "s3-object-lock": ([{"ObjectLock": {"ObjectLockEnabled": "Enabled"}}], [{}, {"ObjectLock": {}}]),
    "s3-trail-read-events": (
        [
            {"IsLogging": True, "Selectors": {"Event": [{**DATA_EVENTS, "ReadWriteType": "ReadOnly"}]}},
            {"IsLogging": True, "Selectors": {"Advanced": [ADVANCED]}},
        ],
        [
            {"IsLogging": True, "Selectors": {"Event": [DATA_EVENTS]}},
            {"IsLogging": False, "Selectors": {"Advanced": [ADVANCED]}},
        ],
    ),
    "s3-notification-target-gone": (
        [{"Notification": {"QueueConfigurations": [{"QueueArn": QUEUE}]}}],
        [
            {"Notification": {"QueueConfigurations": [{"QueueArn": QUEUE}, {"QueueArn": GONE}]}},
            {"Notification": {"TopicConfigurations": [{"TopicArn": GONE}]}},
            {"Notification": {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": GONE}]}},
        ],
    ),
    "s3-trail-write-events": (
        [
            {"IsLogging": True, "Selectors": {"Event": [DATA_EVENTS]}},
            {"IsLogging": True, "Selectors": {"Advanced": [ADVANCED]}},
        ],
        [
            {},
            {"IsLogging": False, "Selectors": {"Event": [DATA_EVENTS]}},
            {"IsLogging": True, "Selectors": {"Event": [{**DATA_EVENTS, "ReadWriteType": "ReadOnly"}]}},
        ],
    ),
    # EC2
    "ec2-imdsv2": (
        [
            {"MetadataOptions": {"HttpTokens": "required"}},
            {"MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "disabled"}},
        ],
        [{"MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "enabled"}}, {}],
    ),
    "ec2-public-address": ([{}], [{"PublicIpAddress": "203.0.113.7"}]),
    "ec2-ssh-open": (
        [{}, rules(443), rules(22, cidr="10.0.0.0/8"), rules(22, protocol="udp")],
        [rules(22), rules(0, 65535), V6],
    ),
    "ec2-rdp-open": ([{}, rules(22)], [rules(3389), rules(3000, 4000), V6]),
    "ec2-database-ports-open": (
        [{}, rules(443), rules(5432, cidr="10.0.0.0/8")],
        [*(rules(port) for port in (1433, 1521, 3306, 5432, 6379, 9200, 11211, 27017)), V6],
    ),
    "ec2-default-group-empty": (
        [{"GroupName": "default", "IpPermissions": [], "IpPermissionsEgress": []}],
        [
            {"GroupName": "default", **rules(22)},
            {"GroupName": "default", "IpPermissionsEgress": [{"IpProtocol": "-1"}]},
        ],
    ),
    "ec2-volume-encrypted": either("Encrypted"),
    "ec2-volume-unused": ([{"State": "in-use"}], [{"State": "available"}]),
    "ec2-snapshot-encrypted": either("Encrypted"),
    "ec2-snapshot-old": ([{"StartTime": "2026-11-01T00:00:00Z"}], [{"StartTime": "2024-01-01T00:00:00+00:00"}]),
    "ec2-address-unused": ([{"AssociationId": "eipassoc-1"}], [{}]),
    "ec2-image-public": ([{"Public": False}, {}], [{"Public": True}]),
    "ec2-subnet-public-addresses": ([{"MapPublicIpOnLaunch": False}], [{"MapPublicIpOnLaunch": True}]),
    "ec2-acl-admin-ports": (
        [
            {"Associations": [{}, {"SubnetId": "subnet-1"}], "Entries": [{**SSH_FROM_ANYWHERE, "RuleAction": "deny"}]},
            {"Associations": [{"SubnetId": "subnet-1"}], "Entries": [{**SSH_FROM_ANYWHERE, "Egress": True}]},
            {
                "Associations": [{"SubnetId": "subnet-1"}],
                "Entries": [{**SSH_FROM_ANYWHERE, "PortRange": {"From": 443, "To": 443}}],
            },
        ],
        [
            {"Associations": [{"SubnetId": "subnet-1"}], "Entries": [SSH_FROM_ANYWHERE]},
            {
                "Associations": [{"SubnetId": "subnet-1"}],
                "Entries": [{"Egress": False, "RuleAction": "allow", "Ipv6CidrBlock": "::/0", "Protocol": "-1"}],
            },
        ],
    ),
    "ec2-acl-unused": ([{"Associations": [{"SubnetId": "subnet-1"}]}], [{"IsDefault": False, "Associations": []}]),
    "autoscaling-multi-zone": ([{"AvailabilityZones": ["a", "b"]}], [{"AvailabilityZones": ["a"]}, {}]),
    "autoscaling-health-check": (
        [{"TargetGroupARNs": ["arn"], "HealthCheckType": "ELB"}],
        [{"TargetGroupARNs": ["arn"], "HealthCheckType": "EC2"}],
    ),
    "elb-multi-zone": ([ZONES], [ONE_ZONE, {}]),
    "elb-plain-http": ([{**WEB, "Listeners": [HTTPS, REDIRECT]}], [{**WEB, "Listeners": [HTTPS, HTTP]}]),
    # identity
    "iam-admin-policy": ([{"PolicyDocument": READER}, {}], [{"PolicyDocument": ADMIN}]),
    "iam-user-administrator": (
        [{"AttachedPolicies": [{"PolicyName": "ReadOnlyAccess"}]}],
        [{"AttachedPolicies": [{"PolicyName": "AdministratorAccess"}]}],
    ),
    "iam-access-key-age": (
        [
            {"AccessKeys": [{"Status": "Active", "CreateDate": "2026-11-01T00:00:00Z"}]},
            {"AccessKeys": [{"Status": "Inactive", "CreateDate": "2020-01-01T00:00:00Z"}]},
            {"AccessKeys": []},
        ],
        [{"AccessKeys": [{"Status": "Active", "CreateDate": "2026-01-01T00:00:00Z"}]}],
    ),
    "iam-two-access-keys": (
        [{"AccessKeys": [{"Status": "Active"}, {"Status": "Inactive"}]}, {}],
        [{"AccessKeys": [{"Status": "Active"}, {"Status": "Active"}]}],
    ),
    "iam-role-trusts-everybody": (
        [{"AssumeRolePolicyDocument": NAMED}, {"AssumeRolePolicyDocument": LIMITED}],
        [{"AssumeRolePolicyDocument": PUBLIC_AWS}],
    ),
    "kms-rotation": ([{**MANAGED, "KeyRotationEnabled": True}], [{**MANAGED, "KeyRotationEnabled": False}]),
    "kms-pending-deletion": ([{"KeyState": "Enabled"}], [{"KeyState": "PendingDeletion"}]),
    "secret-rotation": either("RotationEnabled"),
    "secret-age": (
        [{"LastRotatedDate": "2026-11-01T00:00:00Z"}, {"LastChangedDate": "2026-11-01T00:00:00Z"}],
        [{"LastRotatedDate": "2026-01-01T00:00:00Z", "LastChangedDate": "2026-11-01T00:00:00Z"}, {}],
    ),
    "certificate-expires": (
        [{"Status": "ISSUED", "NotAfter": "2027-06-01T00:00:00Z"}],
        [
            {"Status": "ISSUED", "NotAfter": "2026-12-20T00:00:00Z"},
            {"Status": "ISSUED", "NotAfter": "2026-11-20T00:00:00Z"},
        ],
    ),
    "certificate-weak-key": (
        [{"KeyAlgorithm": "RSA-2048"}],
        [{"KeyAlgorithm": "RSA-1024"}, {"KeyAlgorithm": "RSA_1024"}],
    ),
    "cloudtrail-multi-region": (
        [{"IsMultiRegionTrail": True, "IsLogging": True}],
        [{"IsMultiRegionTrail": True, "IsLogging": False}, {"IsMultiRegionTrail": False, "IsLogging": True}],
    ),
    "cloudtrail-logging": either("IsLogging"),
    "cloudtrail-encrypted": either("KmsKeyId", "arn:aws:kms:eu-west-1:1:key/x", None),
    "cloudtrail-validation": either("LogFileValidationEnabled"),
    "cloudtrail-cloudwatch": either("CloudWatchLogsLogGroupArn", "arn:aws:logs:eu-west-1:1:log-group:x", None),
    # compute
    "lambda-public": ([{}, {"Policy": NAMED}, {"Policy": LIMITED}], [{"Policy": PUBLIC}]),
    "lambda-runtime-ended": (
        [{"Runtime": "python3.13", "PackageType": "Zip"}, {"PackageType": "Image"}],
        [{"Runtime": "python3.9", "PackageType": "Zip"}, {"Runtime": "nodejs20.x"}],
    ),
    "lambda-runtime-ends-soon": ([{"Runtime": "python3.13"}], [{"Runtime": "nodejs22.x"}]),
    "lambda-multi-zone": ([SUBNETS], [{"VpcConfig": {"SubnetIds": ["subnet-1"]}}]),
    "ecs-public-address": (
        [{"networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": "DISABLED"}}}, {}],
        [{"networkConfiguration": {"awsvpcConfiguration": {"assignPublicIp": "ENABLED"}}}],
    ),
    "ecs-privileged": (
        [{"containerDefinitions": [{"privileged": False}, {}]}],
        [{"containerDefinitions": [{}, {"privileged": True}]}],
    ),
    "ecs-host-processes": ([{}, {"pidMode": "task"}], [{"pidMode": "host"}]),
    "ecs-writable-root": (
        [{"containerDefinitions": [{"readonlyRootFilesystem": True}]}],
        [{"containerDefinitions": [{"readonlyRootFilesystem": True}, {}]}],
    ),
    "ecs-logging": (
        [{"containerDefinitions": [{"logConfiguration": {"logDriver": "awslogs"}}]}],
        [{"containerDefinitions": [{}]}],
    ),
    "ecr-mutable-tags": (
        [{"imageTagMutability": "IMMUTABLE"}, {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION"}],
        [{"imageTagMutability": "MUTABLE"}],
    ),
    "ecr-scan": inner("imageScanningConfiguration", "scanOnPush"),
    "eks-public-endpoint": (
        [
            {"resourcesVpcConfig": {"endpointPublicAccess": False}},
            {"resourcesVpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["203.0.113.0/24"]}},
        ],
        [{"resourcesVpcConfig": {"endpointPublicAccess": True, "publicAccessCidrs": ["0.0.0.0/0"]}}],
    ),
    "eks-audit-log": (
        [{"logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": True}]}}],
        [{"logging": {"clusterLogging": [{"types": ["api", "audit"], "enabled": False}]}}, {}],
    ),
    "eks-secrets": ([{"encryptionConfig": [{"resources": ["secrets"]}]}], [{}, {"encryptionConfig": []}]),
    # data
    "rds-public": ([{"PubliclyAccessible": False}], [{"PubliclyAccessible": True}]),
    "rds-encrypted": either("StorageEncrypted"),
    "rds-multi-zone": ([{"MultiAZ": True}, {"MultiAZ": False, "DBClusterIdentifier": "c"}], [{"MultiAZ": False}]),
    "rds-deletion-protection": (
        [{"DeletionProtection": True}, {"DBClusterIdentifier": "c"}],
        [{"DeletionProtection": False}],
    ),
    "rds-backups": ([{"BackupRetentionPeriod": 7}], [{"BackupRetentionPeriod": 1}, {"BackupRetentionPeriod": 0}]),
    "rds-minor-versions": either("AutoMinorVersionUpgrade"),
    "rds-copy-tags": ([{"CopyTagsToSnapshot": True}, {"DBClusterIdentifier": "c"}], [{"CopyTagsToSnapshot": False}]),
    "rds-iam-login": (
        [{"Engine": "postgres", "IAMDatabaseAuthenticationEnabled": True}],
        [{"Engine": "postgres", "IAMDatabaseAuthenticationEnabled": False}],
    ),
    "rds-monitoring": ([{"MonitoringInterval": 60}], [{"MonitoringInterval": 0}, {}]),
    "rds-logs": ([{"EnabledCloudwatchLogsExports": ["error"]}], [{}, {"EnabledCloudwatchLogsExports": []}]),
    "rds-default-user": (
        [{"MasterUsername": "harbour"}],
        [{"MasterUsername": "admin"}, {"MasterUsername": "postgres"}],
    ),
    "rds-cluster-encrypted": either("StorageEncrypted"),
    "rds-cluster-deletion-protection": either("DeletionProtection"),
    "rds-cluster-multi-zone": either("MultiAZ"),
    "rds-cluster-copy-tags": either("CopyTagsToSnapshot"),
    "rds-snapshot-encrypted": either("Encrypted"),
    "dynamodb-recovery": either("PointInTimeRecovery", "ENABLED", "DISABLED"),
    "dynamodb-deletion-protection": either("DeletionProtectionEnabled"),
    "elasticache-at-rest": either("AtRestEncryptionEnabled"),
    "elasticache-in-transit": either("TransitEncryptionEnabled"),
    "elasticache-failover": either("AutomaticFailover", "enabled", "disabled"),
    "elasticache-backups": either("SnapshotRetentionLimit", 7, 0),
    "elasticache-minor-versions": (
        [{"Engine": "redis", "AutoMinorVersionUpgrade": True}],
        [{"Engine": "redis", "AutoMinorVersionUpgrade": False}],
    ),
    "elasticache-default-subnets": ([{"CacheSubnetGroupName": "private"}], [{"CacheSubnetGroupName": "default"}]),
    "opensearch-at-rest": inner("EncryptionAtRestOptions", "Enabled"),
    "opensearch-vpc": ([{"VPCOptions": {"VPCId": "vpc-1"}}], [{}, {"VPCOptions": None}]),
    "opensearch-node-to-node": inner("NodeToNodeEncryptionOptions", "Enabled"),
    "opensearch-tls": (
        [{"DomainEndpointOptions": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"}}],
        [
            {"DomainEndpointOptions": {"EnforceHTTPS": True, "TLSSecurityPolicy": "Policy-Min-TLS-1-0-2019-07"}},
            {"DomainEndpointOptions": {"EnforceHTTPS": False, "TLSSecurityPolicy": "Policy-Min-TLS-1-2-2019-07"}},
        ],
    ),
    "opensearch-nodes": (
        [{"ClusterConfig": {"InstanceCount": 3, "ZoneAwarenessEnabled": True}}],
        [
            {"ClusterConfig": {"InstanceCount": 3, "ZoneAwarenessEnabled": False}},
            {"ClusterConfig": {"InstanceCount": 1}},
        ],
    ),
    "redshift-public": ([{"PubliclyAccessible": False}], [{"PubliclyAccessible": True}]),
    "redshift-encrypted": either("Encrypted"),
    "redshift-routing": either("EnhancedVpcRouting"),
    "redshift-snapshots": either("AutomatedSnapshotRetentionPeriod", 7, 1),
    "redshift-default-user": ([{"MasterUsername": "harbour"}], [{"MasterUsername": "awsuser"}]),
    "efs-encrypted": either("Encrypted"),
    "kinesis-encrypted": either("EncryptionType", "KMS", "NONE"),
    "kinesis-retention": either("RetentionPeriodHours", 168, 24),
    "athena-encrypted": (
        [
            {"Configuration": {"ResultConfiguration": {"EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}}},
            {"Configuration": {"ManagedQueryResultsConfiguration": {"Enabled": True}}},
        ],
        [{"Configuration": {"ResultConfiguration": {}}}, {}],
    ),
    "datasync-logging": (
        [{"CloudWatchLogGroupArn": "arn", "Options": {"LogLevel": "BASIC"}}],
        [{"CloudWatchLogGroupArn": "arn", "Options": {"LogLevel": "OFF"}}, {"Options": {"LogLevel": "BASIC"}}],
    ),
    # messaging
    "sqs-public": ([{}, {"Policy": LIMITED}], [{"Policy": PUBLIC}]),
    "sqs-encrypted": (
        [{"SqsManagedSseEnabled": "true"}, {"KmsMasterKeyId": "alias/x", "SqsManagedSseEnabled": "false"}],
        [{"SqsManagedSseEnabled": "false"}, {}],
    ),
    "sns-public": (
        [{}, {"Policy": policy(allow("*", Condition={"StringEquals": {"AWS:SourceOwner": "111111111111"}}))}],
        [{"Policy": PUBLIC}],
    ),
    "sns-encrypted": either("KmsMasterKeyId", "alias/x", None),
    "stepfunctions-logging": inner("loggingConfiguration", "level", "ERROR", "OFF"),
    "logs-retention": either("retentionInDays", 365, None),
    "alarm-actions-off": either("ActionsEnabled"),
    "alarm-without-action": either("AlarmActions", ["arn"], []),
    # edge
    "cloudfront-plain-http": (
        [{"DefaultCacheBehavior": {"ViewerProtocolPolicy": "redirect-to-https"}, "CacheBehaviors": {"Quantity": 0}}],
        [
            {"DefaultCacheBehavior": {"ViewerProtocolPolicy": "allow-all"}},
            {
                "DefaultCacheBehavior": {"ViewerProtocolPolicy": "https-only"},
                "CacheBehaviors": {"Items": [{"ViewerProtocolPolicy": "allow-all"}]},
            },
        ],
    ),
    "cloudfront-waf": either("WebACLId", "arn", ""),
    "cloudfront-origin-access": (
        [
            origin(S3OriginConfig={"OriginAccessIdentity": ""}, OriginAccessControlId="E1"),
            origin(CustomOriginConfig={"x": 1}),
        ],
        [origin(S3OriginConfig={"OriginAccessIdentity": ""}, OriginAccessControlId="")],
    ),
    "cloudfront-origin-tls": (
        [origin(CustomOriginConfig={"OriginSslProtocols": {"Items": ["TLSv1.2"]}}), origin(S3OriginConfig={"x": 1})],
        [
            origin(CustomOriginConfig={"OriginSslProtocols": {"Items": [name, "TLSv1.2"]}})
            for name in ("SSLv3", "TLSv1", "TLSv1.1")
        ],
    ),
    "apigateway-logging": (
        [{"Stages": [{"methodSettings": {"*/*": {"loggingLevel": "ERROR"}}}]}, {"Stages": []}],
        [{"Stages": [{"methodSettings": {"*/*": {"loggingLevel": "OFF"}}}]}, {"Stages": [{"methodSettings": {}}]}],
    ),
    "waf-empty": either("Rules", [{"Name": "r"}], []),
    # ends of support
    "eks-version-ended": ([{"version": "1.35"}], [{"version": "1.31"}]),
    "eks-version-ends-soon": ([{"version": "1.35"}], [{"version": "1.34"}]),
    "ec2-image-deprecated": (
        [{}, {"DeprecationTime": "2027-01-01T00:00:00.000Z"}],
        [{"DeprecationTime": "2026-01-01T00:00:00.000Z"}],
    ),
    "rds-version-ended": (
        [{"Engine": "postgres", "EngineVersion": "16.3"}, {"Engine": "mysql", "EngineVersion": "8.4.5"}],
        [{"Engine": "postgres", "EngineVersion": "12.22"}, {"Engine": "mysql", "EngineVersion": "8.0.42"}],
    ),
    "rds-version-ends-soon": (
        [{"Engine": "mariadb", "EngineVersion": "11.4.10"}],
        [{"Engine": "postgres", "EngineVersion": "14.20"}],
    ),
    # what is gone
    "events-target-gone": (
        [{"Targets": []}, {"Targets": [{"Arn": QUEUE}]}],
        [{"Targets": [{"Arn": GONE}]}, {"Targets": [{"Arn": UNREAD}, {"Arn": GONE}]}],
    ),
    "sns-subscriber-gone": (
        [{"Protocol": "sqs", "Endpoint": QUEUE}],
        [{"Protocol": "sqs", "Endpoint": GONE}],
    ),
    "route53-dangling-record": (
        [
            {"Records": [{"Name": "www.", "Type": "A", "AliasTarget": {"DNSName": "lb.elb.amazonaws.com."}}]},
            {"Records": [{"Name": "www.", "Type": "CNAME", "ResourceRecords": [{"Value": "example.org"}]}]},
            {"Records": [{"Name": "www.", "Type": "A", "ResourceRecords": [{"Value": "198.51.100.7"}]}]},
            {"Records": [{"Name": "www.", "Type": "TXT", "ResourceRecords": [{"Value": "gone"}]}]},
        ],
        [
            {"Records": [{"Name": "www.", "Type": "A", "AliasTarget": {"DNSName": "gone.elb.amazonaws.com."}}]},
            {"Records": [{"Name": "www.", "Type": "CNAME", "ResourceRecords": [{"Value": "gone.cloudfront.net"}]}]},
            {"Records": [{"Name": "www.", "Type": "A", "ResourceRecords": [{"Value": "203.0.113.9"}]}]},
        ],
    ),
}


class Others:
    """Other resources, by their names: what is called gone is gone, and what is called unread is not known."""

    def exists(self, arn):
        return None if "unread" in arn else "gone" not in arn

    def serves(self, name):
        return self.exists(name)

    def holds(self, address):
        return not address.startswith("203.")

    def account_block(self, account_id):
        return {}
