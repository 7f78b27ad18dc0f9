# Lost timers are replaced on a schedule; completion events report the end of a refresh to strict rules.

resource "aws_cloudwatch_event_rule" "repair" {
  name                = "${var.name}-repair"
  description         = "Windlass: check for lost timers"
  schedule_expression = "rate(${var.repair_minutes} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "repair" {
  rule      = aws_cloudwatch_event_rule.repair.name
  target_id = "function"
  arn       = module.function.arn
}

resource "aws_lambda_permission" "repair" {
  statement_id  = "repair"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.repair.arn
}

resource "aws_cloudwatch_event_rule" "completion" {
  count = var.completion_events ? 1 : 0

  name        = "${var.name}-completion"
  description = "Windlass: file shares that were refreshed"
  tags        = var.tags

  event_pattern = jsonencode({
    source      = ["aws.storagegateway"]
    detail-type = ["Storage Gateway Refresh Cache Event"]
  })
}

resource "aws_cloudwatch_event_target" "completion" {
  count = var.completion_events ? 1 : 0

  rule      = aws_cloudwatch_event_rule.completion[0].name
  target_id = "function"
  arn       = module.function.arn
}

resource "aws_lambda_permission" "completion" {
  count = var.completion_events ? 1 : 0

  statement_id  = "completion"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.completion[0].arn
}
