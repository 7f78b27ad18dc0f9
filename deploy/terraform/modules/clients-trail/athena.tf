# The table is that of `windlass clients scan --athena` (a test compares them); a day's query reads a day's files.

resource "aws_glue_catalog_database" "this" {
  name        = var.database_name
  description = "Windlass: CloudTrail's S3 data events"
  tags        = var.tags
}

locals {
  issuer   = "type:string,principalid:string,arn:string,accountid:string,username:string"
  identity = "type:string,principalid:string,arn:string,accountid:string,invokedby:string,accesskeyid:string,username:string,sessioncontext:struct<sessionissuer:struct<${local.issuer}>>"
  texts = [
    "eventtime", "eventsource", "eventname", "awsregion", "sourceipaddress", "useragent", "errorcode", "requestparameters",
    "additionaleventdata", "requestid", "eventid", "recipientaccountid", "vpcendpointid", "sessioncredentialfromconsole",
  ]
  columns = concat(
    [{ name = "useridentity", type = "struct<${local.identity}>" }],
    [for name in local.texts : { name = name, type = "string" }],
    [{ name = "tlsdetails", type = "struct<tlsversion:string,ciphersuite:string,clientprovidedhostheader:string>" }],
  )
  location = "s3://${local.log_bucket}/AWSLogs/"
}

resource "aws_glue_catalog_table" "this" {
  name          = var.table_name
  database_name = aws_glue_catalog_database.this.name
  description   = "S3 data events of the trail ${var.trail_name}"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL                           = "TRUE"
    "projection.enabled"               = "true"
    "projection.log_account.type"      = "enum"
    "projection.log_account.values"    = local.account_id
    "projection.log_region.type"       = "enum"
    "projection.log_region.values"     = join(",", var.regions)
    "projection.log_day.type"          = "date"
    "projection.log_day.format"        = "yyyy/MM/dd"
    "projection.log_day.range"         = "${var.first_day},NOW"
    "projection.log_day.interval"      = "1"
    "projection.log_day.interval.unit" = "DAYS"
    "storage.location.template"        = "${local.location}$${log_account}/CloudTrail/$${log_region}/$${log_day}"
  }

  dynamic "partition_keys" {
    for_each = ["log_account", "log_region", "log_day"]

    content {
      name = partition_keys.value
      type = "string"
    }
  }

  storage_descriptor {
    location      = local.location
    input_format  = "com.amazon.emr.cloudtrail.CloudTrailInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hive.hcatalog.data.JsonSerDe"
    }

    dynamic "columns" {
      for_each = local.columns

      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }
}

resource "aws_athena_workgroup" "this" {
  name          = var.workgroup_name
  description   = "Windlass: how clients call S3"
  force_destroy = var.force_destroy
  tags          = var.tags

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.scan_limit_gb * 1000000000

    result_configuration {
      output_location = "s3://${module.results_bucket.name}/"

      encryption_configuration {
        encryption_option = var.kms_key_arn == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.kms_key_arn
      }
    }
  }
}
