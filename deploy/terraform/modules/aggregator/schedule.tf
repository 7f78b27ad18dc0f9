# Lost timers are found by a sweep; refresh completions tell strict rules that a refresh has ended.

resource "aws_cloudwatch_event_rule" "sweep" {
  name                = "${var.name}-sweep"
  description         = "Windlass: check for lost timers"
  schedule_expression = "rate(${var.sweep_minutes} minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "sweep" {
  rule      = aws_cloudwatch_event_rule.sweep.name
  target_id = "function"
  arn       = module.function.arn
}

resource "aws_lambda_permission" "sweep" {
  statement_id  = "sweep"
  action        = "lambda:InvokeFunction"
  function_name = module.function.name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.sweep.arn
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
