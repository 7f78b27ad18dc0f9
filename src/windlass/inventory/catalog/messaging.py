"""SQS, SNS, EventBridge, Kinesis, Firehose, MSK: what carries events."""

from windlass.inventory.catalog.declare import Detail, EdgeRule, Parent, ResourceType

TYPES = (
    ResourceType(
        name="sqs.queue",
        title="SQS queue",
        service="sqs",
        operation="ListQueues",
        items="QueueUrls",
        wrap="QueueUrl",
        id="QueueArn",
        arn="QueueArn",
        label="Name",
        volatile=(
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ),
        details=(
            Detail(
                operation="GetQueueAttributes",
                params={"QueueUrl": "QueueUrl", "AttributeNames": '`["All"]`'},
                result="Attributes",
            ),
            Detail(operation="ListQueueTags", params={"QueueUrl": "QueueUrl"}, result="Tags", key="Tags"),
        ),
        edges=(
            EdgeRule("dead-letters-to", "RedrivePolicy.deadLetterTargetArn", "sqs.queue"),
            EdgeRule("encrypted-by", "KmsMasterKeyId", "kms.key"),
        ),
    ),
    ResourceType(
        name="sns.topic",
        title="SNS topic",
        service="sns",
        operation="ListTopics",
        items="Topics",
        id="TopicArn",
        arn="TopicArn",
        label="Name",
        volatile=("SubscriptionsConfirmed", "SubscriptionsPending", "SubscriptionsDeleted"),
        details=(
            Detail(operation="GetTopicAttributes", params={"TopicArn": "TopicArn"}, result="Attributes"),
            Detail(
                operation="ListTagsForResource",
                params={"ResourceArn": "TopicArn"},
                result="Tags",
                key="Tags",
                paged=True,
            ),
        ),
        edges=(EdgeRule("encrypted-by", "KmsMasterKeyId", "kms.key"),),
    ),
    ResourceType(
        name="sns.subscription",
        title="SNS subscription",
        service="sns",
        operation="ListSubscriptions",
        items="Subscriptions",
        id="SubscriptionArn",
        arn="SubscriptionArn",
        label="Endpoint",
        keep="SubscriptionArn != 'PendingConfirmation'",
        edges=(EdgeRule("reads-from", "TopicArn", "sns.topic"), EdgeRule("delivers-to", "Endpoint")),
    ),
    ResourceType(
        name="events.bus",
        title="EventBridge bus",
        service="events",
        operation="ListEventBuses",
        items="EventBuses",
        id="Name",
        arn="Arn",
        label="Name",
        details=(
            Detail(
                operation="ListTagsForResource", params={"ResourceARN": "Arn"}, result="Tags", key="Tags", paged=True
            ),
        ),
    ),
    ResourceType(
        name="events.rule",
        title="EventBridge rule",
        service="events",
        operation="ListRules",
        items="Rules",
        id="Name",
        arn="Arn",
        label="Name",
        parent=Parent(operation="ListEventBuses", items="EventBuses", params={"EventBusName": "Name"}),
        details=(
            Detail(
                operation="ListTargetsByRule",
                params={"Rule": "Name", "EventBusName": "EventBusName"},
                result="Targets",
                key="Targets",
                paged=True,
            ),
            Detail(
                operation="ListTagsForResource", params={"ResourceARN": "Arn"}, result="Tags", key="Tags", paged=True
            ),
        ),
        edges=(EdgeRule("targets", "Targets[].Arn"), EdgeRule("on-bus", "EventBusName", "events.bus")),
    ),
    ResourceType(
        name="kinesis.stream",
        title="Kinesis stream",
        service="kinesis",
        operation="ListStreams",
        items="StreamNames",
        wrap="StreamName",
        id="StreamName",
        arn="StreamARN",
        label="StreamName",
        details=(
            Detail(
                operation="DescribeStreamSummary",
                params={"StreamName": "StreamName"},
                result="StreamDescriptionSummary",
            ),
            Detail(operation="ListTagsForStream", params={"StreamName": "StreamName"}, result="Tags", key="Tags"),
        ),
        edges=(EdgeRule("encrypted-by", "KeyId", "kms.key"),),
    ),
    ResourceType(
        name="firehose.delivery-stream",
        title="Firehose stream",
        service="firehose",
        operation="ListDeliveryStreams",
        items="DeliveryStreamNames",
        wrap="DeliveryStreamName",
        id="DeliveryStreamName",
        arn="DeliveryStreamARN",
        label="DeliveryStreamName",
        details=(
            Detail(
                operation="DescribeDeliveryStream",
                params={"DeliveryStreamName": "DeliveryStreamName"},
                result="DeliveryStreamDescription",
            ),
            Detail(
                operation="ListTagsForDeliveryStream",
                params={"DeliveryStreamName": "DeliveryStreamName"},
                result="Tags",
                key="Tags",
            ),
        ),
        edges=(EdgeRule("delivers-to", "Destinations[].ExtendedS3DestinationDescription.BucketARN", "s3.bucket"),),
    ),
    ResourceType(
        name="kafka.cluster",
        title="MSK cluster",
        service="kafka",
        operation="ListClustersV2",
        items="ClusterInfoList",
        id="ClusterName",
        arn="ClusterArn",
        label="ClusterName",
        edges=(EdgeRule("in-subnet", "Provisioned.BrokerNodeGroupInfo.ClientSubnets[]", "ec2.subnet"),),
    ),
)
