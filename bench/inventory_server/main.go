// A loopback AWS that costs as little as it can, for bench/inventory.py: buckets with 22 configurations each, volumes in
// pages, queues, and an empty answer to everything else. Each answer waits LATENCY_MS.
//
//	inventory_server BUCKETS VOLUMES LATENCY_MS
//
// It prints its port and serves until its standard input ends. VOLUMES is of each account and region.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const xmlns = `xmlns="http://s3.amazonaws.com/doc/2006-03-01/"`
const page = 1000

type document struct{ name, root, inner string }

// By subresource: the root element of S3's document and what is in it (Amazon S3 API Reference).
var documents = []document{
	{"tagging", "Tagging", "<TagSet><Tag><Key>team</Key><Value>web</Value></Tag></TagSet>"},
	{"versioning", "VersioningConfiguration", "<Status>Enabled</Status>"},
	{"encryption", "ServerSideEncryptionConfiguration", "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"},
	{"policyStatus", "PolicyStatus", "<IsPublic>false</IsPublic>"},
	{"publicAccessBlock", "PublicAccessBlockConfiguration", "<BlockPublicAcls>true</BlockPublicAcls>"},
	{"acl", "AccessControlPolicy", "<Owner><ID>o</ID></Owner><AccessControlList></AccessControlList>"},
	{"ownershipControls", "OwnershipControls", "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"},
	{"lifecycle", "LifecycleConfiguration", "<Rule><ID>old</ID><Status>Enabled</Status></Rule>"},
	{"logging", "BucketLoggingStatus", ""},
	{"notification", "NotificationConfiguration", ""},
	{"replication", "ReplicationConfiguration", "<Role>arn:aws:iam::111111111111:role/r</Role>"},
	{"website", "WebsiteConfiguration", "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"},
	{"cors", "CORSConfiguration", "<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"},
	{"object-lock", "ObjectLockConfiguration", "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"},
	{"accelerate", "AccelerateConfiguration", ""},
	{"requestPayment", "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"},
	{"inventory", "ListInventoryConfigurationsResult", "<IsTruncated>false</IsTruncated>"},
	{"metrics", "ListMetricsConfigurationsResult", "<IsTruncated>false</IsTruncated>"},
	{"analytics", "ListBucketAnalyticsConfigurationResult", "<IsTruncated>false</IsTruncated>"},
	{"intelligent-tiering", "ListBucketIntelligentTieringConfigurationsOutput", "<IsTruncated>false</IsTruncated>"},
	{"metadataConfiguration", "GetBucketMetadataConfigurationResult", "<MetadataConfigurationResult></MetadataConfigurationResult>"},
}

type server struct {
	buckets, volumes int
	latency          time.Duration
}

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sent, _ := io.ReadAll(r.Body)
	time.Sleep(s.latency)
	kind, body := s.answer(r, string(sent))
	w.Header()["Content-Type"] = []string{kind}
	w.Header()["X-Amzn-Requestid"] = []string{"1"}
	w.Header()["Date"] = nil
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(body))}
	io.WriteString(w, body)
}

func (s server) answer(r *http.Request, sent string) (string, string) {
	// Credential=ACCOUNT/day/region/service/aws4_request: the embedded keys are the account's id.
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope := strings.SplitN(credential, "/", 5)
	if len(scope) < 5 {
		return "text/plain", "unsigned"
	}
	account, region, service := scope[0], scope[2], scope[3]
	if service == "s3" && r.Method == "GET" {
		return s.bucket(r)
	}
	if strings.HasPrefix(sent, "Action=") {
		form, _ := url.ParseQuery(sent)
		return "text/xml", s.query(form, account, region)
	}
	if target := r.Header.Get("X-Amz-Target"); target == "AmazonSQS.GetQueueAttributes" {
		return "application/x-amz-json-1.0", `{"Attributes":{"QueueArn":"arn:aws:sqs:us-east-1:111111111111:q","DelaySeconds":"0","VisibilityTimeout":"30","MaximumMessageSize":"262144"}}`
	}
	return "application/json", "{}"
}

func (s server) bucket(r *http.Request) (string, string) {
	query := r.URL.Query()
	if r.URL.Path == "/" {
		start, _ := strconv.Atoi(query.Get("continuation-token"))
		end := min(start+page, s.buckets)
		var rows strings.Builder
		for number := start; number < end; number++ {
			fmt.Fprintf(&rows, "<Bucket><Name>bench-%06d</Name><BucketRegion>us-east-1</BucketRegion></Bucket>", number)
		}
		more := ""
		if end < s.buckets {
			more = fmt.Sprintf("<ContinuationToken>%d</ContinuationToken>", end)
		}
		return "application/xml", fmt.Sprintf("<ListAllMyBucketsResult %s><Buckets>%s</Buckets>%s</ListAllMyBucketsResult>", xmlns, rows.String(), more)
	}
	for _, one := range documents {
		if _, asked := query[one.name]; asked {
			return "application/xml", fmt.Sprintf("<%s %s>%s</%s>", one.root, xmlns, one.inner, one.root)
		}
	}
	return "application/json", `{"Version":"2012-10-17","Statement":[]}`
}

func (s server) query(form url.Values, account, region string) string {
	action, inner := form.Get("Action"), ""
	switch action {
	case "GetCallerIdentity":
		inner = fmt.Sprintf("<GetCallerIdentityResult><Arn>arn:aws:iam::%s:root</Arn><UserId>root</UserId><Account>%s</Account></GetCallerIdentityResult>", account, account)
	case "DescribeVolumes":
		inner = s.describeVolumes(form, account, region)
	default:
		inner = fmt.Sprintf("<%sResult></%sResult>", action, action)
	}
	return fmt.Sprintf("<%sResponse>%s<requestId>1</requestId></%sResponse>", action, inner, action)
}

func (s server) describeVolumes(form url.Values, account, region string) string {
	start, _ := strconv.Atoi(form.Get("NextToken"))
	size := page
	if asked, err := strconv.Atoi(form.Get("MaxResults")); err == nil {
		size = asked
	}
	end := min(start+size, s.volumes)
	var rows strings.Builder
	for number := start; number < end; number++ {
		fmt.Fprintf(&rows, "<item><volumeId>vol-%s%s%08d</volumeId><size>100</size><availabilityZone>%sa</availabilityZone><status>in-use</status><createTime>2026-01-01T00:00:00.000Z</createTime><attachmentSet><item><volumeId>vol-%08d</volumeId><instanceId>i-%08d</instanceId><device>/dev/sda1</device><status>attached</status></item></attachmentSet><tagSet><item><key>Name</key><value>data-%d</value></item><item><key>team</key><value>web</value></item></tagSet><volumeType>gp3</volumeType><iops>3000</iops><encrypted>true</encrypted></item>", account[8:], strings.ReplaceAll(region, "-", ""), number, region, number, number, number)
	}
	more := ""
	if end < s.volumes {
		more = fmt.Sprintf("<nextToken>%d</nextToken>", end)
	}
	return fmt.Sprintf("<volumeSet>%s</volumeSet>%s", rows.String(), more)
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func main() {
	var numbers [3]int
	for at := range numbers {
		numbers[at], _ = strconv.Atoi(os.Args[at+1])
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go http.Serve(listener, server{numbers[0], numbers[1], time.Duration(numbers[2]) * time.Millisecond})
	io.Copy(io.Discard, os.Stdin)
}
