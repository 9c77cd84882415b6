"""The providers' wordings of refusals, as data: which text means what, and where in a body it is said.

From the providers' references and from public reports of what they answered, as of 2026. A new wording is a new text
here and a refusal in `tests/routing/refusals.json`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sporewright.routing.dialects.phrases import KINDS
from sporewright.routing.terms import ErrorSign, Sign

__all__ = ["ERROR_ECHOES", "ERROR_FIELDS", "ERROR_SIGNS", "WORDINGS"]

ERROR_FIELDS: Sequence[Sequence[str]] = [
    # Where a body of JSON says why; elsewhere it may repeat the request. `*` stands for each item of a list.
    ["error"],
    *(["error", name] for name in ("message", "type", "code", "status", "param", "msg", "detail", "info")),
    ["error", "innererror", "code"],
    ["error", "details", "*", "reason"],
    ["error", "details", "*", "violations", "*", "quotaId"],
    *(["error", "details", "*", "fieldViolations", "*", name] for name in ("field", "description")),
    ["error", "errors", "*", "reason"],
    *(["error", *at, "issues", "*", name] for at in ([], ["details"]) for name in ("message", "code")),
    # What a gateway was told by its own provider.
    ["error", "metadata", "raw"],
    *([name] for name in ("message", "type", "code", "status", "detail", "msg", "error_type", "error_msg", "__type")),
    *([name] for name in ("title", "reason", "error_code", "err_code", "err_msg", "errors", "error_message")),
    *(["detail", name] for name in ("message", "status", "code", "type", "error")),
    *(["Response", "Error", name] for name in ("Code", "Message")),
    ["data", "message"],
    *([*at, "detail", "*", name] for at in ([], ["message"], ["error"]) for name in ("msg", "type")),
    # The place of a fault, as its steps.
    *([*at, "detail", "*", "loc"] for at in ([], ["message"], ["error"])),
    ["loc"],
    ["base_resp", "status_msg"],
    *(["errors", "*", name] for name in ("message", "code", "reason")),
]

ERROR_ECHOES: Sequence[str] = [
    "'input':",
    "input_value=",
    # Names that the caller gave, and values that he sent.
    *(f"{named} {quote}" for named in ("function", "tool", "call id", "value:", "value") for quote in ("'", '"', "`")),
]
"""Signs after which the text of a field is the request's own."""


def _said(sign: Sign, provider: str, *texts: str, alone: bool = False) -> ErrorSign:
    row: ErrorSign = {"sign": sign, "provider": provider, "any": texts}
    return {**row, "alone": True} if alone else row


def _kind(sign: Sign, *, alone: bool = True) -> ErrorSign:
    """The row that holds by the kind of statement, whatever the words."""
    row: ErrorSign = {"sign": sign, "provider": "any", "any": (), "phrases": KINDS[sign]}
    return {**row, "alone": True} if alone else row


WORDINGS: Sequence[ErrorSign] = [
    _said("content_filter", "openai", "content_filter", "content_policy_violation", "violating our usage policy",
          "moderation_blocked", "rejected by the safety system"),
    _said("content_filter", "azure", "responsibleaipolicyviolation", "content management policy"),
    _said("content_filter", "anthropic", "content filtering policy"),
    _said("content_filter", "deepseek", "content exists risk"),
    _said("content_filter", "moonshot", "considered high risk"),
    _said("content_filter", "openrouter", "your input was flagged"),
    _said("content_filter", "qwen", "data_inspection_failed", "inappropriate content"),
    _said("content_filter", "volcengine", "sensitivecontentdetected"),
    _said("content_filter", "xai", "violates usage guidelines"),
    _said("content_filter", "zhipu", "敏感内容"),
    _said("context_length", "openai", "context_length_exceeded", "maximum context length", "context window",
          "input tokens exceed the configured limit"),
    _said("context_length", "anthropic", "prompt is too long", "exceed context limit"),
    _said("context_length", "bedrock", "input is too long", "too many input tokens", "expected maxlength:"),
    _said("context_length", "cerebras", "current length is*while limit is"),
    _said("context_length", "cohere", "tokens in the prompt cannot exceed"),
    _said("context_length", "gemini", "exceeds the maximum number of tokens"),
    _said("context_length", "github", "tokens_limit_reached", "model_max_prompt_tokens_exceeded"),
    _said("context_length", "groq", "reduce the length of the messages"),
    _said("context_length", "huggingface", "`inputs` must have less than*tokens"),
    _said("context_length", "llama.cpp", "exceeds the available context size", "exceed_context_size_error",
          "context size has been exceeded"),
    _said("context_length", "lm studio", "greater than the context length"),
    _said("context_length", "mistral", "too large for model with"),
    _said("context_length", "moonshot", "exceeded model token limit"),
    _said("context_length", "ollama", "input length exceeds the context length", "max context length"),
    _said("context_length", "qwen", "range of input length should be"),
    _said("context_length", "sglang", "longer than the model's context length"),
    _said("context_length", "together", "`inputs` tokens + `max_new_tokens` must be"),
    _said("context_length", "vertex", "input token count is*only supports up to"),
    _said("context_length", "vllm", "longer than the maximum model length"),
    _said("context_length", "watsonx", "cannot exceed the total tokens limit"),
    _said("context_length", "xai", "maximum prompt length"),
    _said("context_length", "zhipu", "prompt exceeds max length"),
    _said("prefill", "anthropic", "prefill", "cannot end with trailing whitespace"),
    _said("prefill", "mistral", "assistant with prefix"),
    _said("prefill", "deepseek", "prefix mode"),
    _said("region", "openai", "unsupported_country_region_territory", "country, region, or territory not supported"),
    # Anthropic's whole answer to a country that it does not serve.
    _said("region", "anthropic", "request not allowed"),
    _said("region", "bedrock", "unsupported countries, regions"),
    _said("region", "cloudflare", "banned the country or region"),
    _said("region", "gemini", "location is not supported"),
    _said("region", "groq", "please check your network settings"),
    _said("region", "any", "not available in your country", "not available in your region",
          "not supported in your region", "not supported in your country"),
    _said("region", "any", "地区*不支持", "不支持*地区", "所在地区", "所在国家"),
    _kind("region"),
    _said("quota", "elevenlabs", "quota_exceeded"),
    _said("credit", "openai", "insufficient_quota", "billing_hard_limit_reached", "billing hard limit",
          "billing_not_active", "account is not active"),
    _said("credit", "anthropic", "credit balance is too low"),
    _said("credit", "deepseek", "insufficient balance"),
    _said("credit", "fireworks", "monthly spending limit", "failure to pay past invoices"),
    _said("credit", "gemini", "billing_disabled", "billing to be enabled", "credits are depleted"),
    _said("credit", "huggingface", "monthly included credits"),
    _said("credit", "mistral", "inactive subscription"),
    _said("credit", "moonshot", "exceeded_current_quota_error"),
    _said("credit", "openrouter", "insufficient credits", "requires more credits", "never purchased credits"),
    _said("credit", "qwen", "arrearage", "account is in good standing"),
    _said("credit", "together", "exceeded your credit limit"),
    _said("credit", "vercel", "credit card on file"),
    _said("credit", "voyage", "not yet added your payment method"),
    _said("credit", "xai", "used all available credits", "doesn't have any credits"),
    _said("credit", "zhipu", "余额不足", "欠费"),
    _said("credit", "any", "余额*不足", "请充值", "额度不足"),
    _kind("credit"),
    _said("key", "openai", "incorrect api key", "invalid_api_key", "didn't provide an api key", "missing scopes",
          "account_deactivated", "must be a member of an organization"),
    _said("key", "anthropic", "authentication_error", "invalid x-api-key", "organization has been disabled"),
    _said("key", "azure", "invalid subscription key", "principal does not have access"),
    _said("key", "bedrock", "security token included in the request", "is not authorized to perform",
          "account is not authorized", "request signature we calculated", "unrecognizedclientexception"),
    _said("key", "baidu", "iam certification failed", "no permission to access data"),
    _said("key", "elevenlabs", "detected_unusual_activity"),
    _said("key", "novita", "failed_to_auth"),
    _said("key", "rapidapi", "not subscribed to this api"),
    _said("key", "cohere", "invalid api token", "no api key supplied"),
    _said("key", "deepseek", "authentication fails"),
    _said("key", "fireworks", "api key you provided is invalid"),
    _said("key", "gemini", "api key not valid", "api_key_invalid", "invalid authentication credentials",
          "unregistered callers", "reported as leaked", "before or it is disabled", "api_key_service_blocked",
          "api_key_http_referrer_blocked", "consumer_suspended"),
    _said("key", "groq", "organization_restricted"),
    _said("key", "huggingface", "invalid username or password"),
    _said("key", "moonshot", "invalid authentication"),
    _said("key", "openrouter", "auth credentials found", "user not found", "missing authentication header"),
    _said("key", "qwen", "invalid api-key"),
    _said("key", "any", "api key*is required"),
    _said("key", "zhipu", "身份验证失败", "authentication parameter not received", "未收到 authentication",
          "authentication token*非法", "authentication token*已过期", "账户已被锁定"),
    _said("key", "any", "认证失败", "鉴权失败", "key*无效", "无效的*key", "key*错误", "key*不正确", "key*过期",
          "密钥*无效", "密钥*错误", "令牌*无效", "无效的令牌", "令牌*过期", "令牌状态不可用", "未提供令牌"),
    _kind("key"),
    _said("model", "openai", "model_not_found", "invalid model id"),
    _said("model", "azure", "deploymentnotfound", "api deployment for this resource does not exist"),
    _said("model", "bedrock", "model identifier is invalid", "on-demand throughput",
          "have access to the model", "reached the end of its life"),
    _said("model", "databricks", "endpoint_not_found", "resource_does_not_exist", "permission*on endpoint"),
    _said("model", "deepseek", "model not exist"),
    _said("model", "fireworks", "model not found, inaccessible"),
    _said("model", "gemini", "is not found for api version"),
    _said("model", "groq", "model_decommissioned", "has been decommissioned", "model_terms_required"),
    _said("model", "mistral", "invalid_model", "invalid model:"),
    _said("model", "ollama", "try pulling it first"),
    _said("model", "openrouter", "is not a valid model", "no endpoints found for", "no endpoints found matching",
          "no allowed providers are available"),
    _said("model", "replicate", "invalid version or not permitted"),
    _said("model", "together", "unable to access model", "unable to access non-serverless model"),
    _said("model", "vertex", "publisher model*was not found", "publisher model*is not servable"),
    _said("model", "zhipu", "模型不存在"),
    _said("model", "any", "模型*不存在", "模型*已下线", "模型*未开通", "未开通*模型", "无权*模型", "不支持的模型",
          "模型*无可用渠道"),
    _kind("model"),
    # Of a model, where one is named.
    _said("key", "github", "permission is required", alone=True),
    _said("key", "huggingface", "have sufficient permissions", alone=True),
    _said("key", "scaleway", "insufficient permissions", alone=True),
    _said("quota", "anthropic", "api usage limits"),
    _said("quota", "azure", "out of call volume quota"),
    _said("quota", "bedrock", "too many tokens per day"),
    _said("quota", "cloudflare", "daily free allocation"),
    _said("quota", "cohere", "api calls / month"),
    _said("quota", "gemini", "perday", "dailylimitexceeded", "daily quota", "spending cap"),
    _said("quota", "groq", "tokens per day", "requests per day"),
    _said("quota", "hunyuan", "资源包*用尽"),
    _said("quota", "litellm", "budget has been exceeded"),
    _said("quota", "openrouter", "free-models-per-day", "key limit exceeded"),
    _said("quota", "any", "usage limit", "monthly limit", "weekly limit", "daily limit", "monthly quota",
          "spending limit", "spend limit"),
    _said("quota", "zhipu", "今日调用次数限额", "使用上限"),
    _said("quota", "any", "额度*用尽", "额度*用完", "配额*用尽", "配额*不足", "超出*配额"),
    _said("rate", "openai", "rate limit", "rate_limit", "tokens per min", "requests per min"),
    _said("rate", "anthropic", "usage increase rate"),
    _said("rate", "bedrock", "throttlingexception", "please wait before trying again"),
    _said("rate", "gemini", "perminute"),
    _said("rate", "mistral", "service tier capacity exceeded"),
    _said("rate", "any", "too many requests", "too_many_requests", "per minute", "per second", "ratelimit",
          "concurrency limit"),
    # Said of a day's quota as well.
    _said("rate", "gemini", "resource_exhausted", "resource has been exhausted", "please retry in", alone=True),
    # What a limit by the minute says as well.
    _kind("quota"),
    _kind("context_length"),
    _said("size", "openai", "string_above_max_length", "request too large", alone=True),
    _said("size", "anthropic", "request_too_large", "request exceeds the maximum size",
          "maximum allowed number of bytes", "image exceeds*maximum", alone=True),
    _said("size", "gemini", "payload size exceeds the limit", alone=True),
    _said("size", "any", "entity too large", "payload too large", "payload_too_large", "content too large",
          "body too large", "body is too large", "request is too large", alone=True),
    _said("unsupported", "openai", "unsupported_parameter", "unsupported parameter", "unsupported_value",
          "unsupported value", "unknown_parameter", "unknown parameter", "unrecognized request argument",
          "not supported with this model", "not a chat model", "only supported in v1/responses", alone=True),
    _said("unsupported", "anthropic", "extra inputs are not permitted", "is deprecated for this model",
          "not supported on this model", "roles must alternate", alone=True),
    _said("unsupported", "bedrock", "model doesn't support", alone=True),
    _said("unsupported", "deepseek", "type is unavailable now", "unknown variant", alone=True),
    _said("unsupported", "gemini", "cannot find field", "is not enabled for", alone=True),
    _said("unsupported", "groq", "property*is unsupported", alone=True),
    # What it made was no call or no JSON: its own doing, once.
    _said("unsupported", "groq", "tool_use_failed", "json_validate_failed", alone=True),
    _said("unsupported", "litellm", "does not support parameters", alone=True),
    _said("unsupported", "mistral", "extra_forbidden", alone=True),
    _said("unsupported", "ollama", "does not support tools", "does not support thinking", alone=True),
    _said("unsupported", "elevenlabs", "voice_not_found", alone=True),
    _said("unsupported", "gemini", "permission to access the file", "cachedcontent not found", alone=True),
    _said("unsupported", "openrouter", "no endpoints found that support", alone=True),
    _said("unsupported", "vllm", "not a multimodal model", "tool choice requires", alone=True),
    _said("unsupported", "zhipu", "当前模型不支持", alone=True),
    _said("unsupported", "any", "不支持该", "不支持此", alone=True),
    _kind("unsupported"),
    _said("malformed", "openai", "param=", "invalid type for", "invalid_type", "missing required parameter",
          "parse the json body", "must be followed by tool messages", "invalid schema for", "above maximum value",
          "below minimum value", alone=True),
    _said("malformed", "anthropic", "field required", "input should be", "at least one message is required",
          "must be non-empty", "must have non-empty content", "without `tool_result` blocks", alone=True),
    _said("malformed", "deepseek", "failed to deserialize", "missing field", alone=True),
    _said("malformed", "gemini", "contents is not specified", "invalid value at", "invalid json payload", alone=True),
    _said("malformed", "any", "type=missing", "validation error", "schema validation", alone=True),
    _said("malformed", "any", "loc=body", "field=", "eof while parsing", "trailing characters",
          "expecting property name",
          "expecting value: line", "could not be converted to",
          "not valid under any of the given schemas",
          "must be equal to one of the allowed values", alone=True),
    _said("malformed", "groq", "the following must be satisfied", alone=True),
    _said("malformed", "llama.cpp", "json.exception", alone=True),
    _said("malformed", "mistral", "same number of function calls", alone=True),
    _said("malformed", "anthropic", "a maximum of", "document file name can only contain",
          "may only be set to", alone=True),
    _said("malformed", "bedrock", "number of toolresult blocks", alone=True),
    _said("malformed", "deepseek", "last message of", alone=True),
    _said("malformed", "huggingface", "template_error", alone=True),
    _said("malformed", "ollama", "cannot unmarshal", "looking for beginning of", "invalid duration", alone=True),
    _said("malformed", "xai", "did not match any variant", alone=True),
    _said("malformed", "zhipu", "参数非法", "参数有误", "未正常接收到", "不能同时设置", alone=True),
    _said("malformed", "any", "参数*错误", "参数*不能为空", "缺少*参数", "参数*不合法", "参数不正确",
          "参数无效", alone=True),
    _kind("malformed"),
    # Of a user who logs in at the option's service, not of the key of the call.
    _said("login", "any", "password", "passphrase", "passcode", "username", "user name", "login",
          "invalid credentials"),
    _kind("person", alone=False),
    # Of the account of whoever has the key, and of no user of a service.
    _kind("account", alone=False),
    _said("account", "openai", "invalid_api_key", "insufficient_quota", "billing_hard_limit_reached",
          "billing_not_active",
          "account_deactivated", "unsupported_country_region_territory", "or territory not supported",
          "check your plan and billing", "member of an organization to use the api"),
    _said("account", "anthropic", "invalid x-api-key"),
    _said("account", "any", "api key*is required", "无效的 api key", "api key*无效", "api key*错误",
          "api key*不正确", "api key*过期"),
    _said("account", "azure", "out of call volume quota", "principal does not have access to api"),
    _said("account", "bedrock", "security token included in the request", "request signature we calculated",
          "unrecognizedclientexception", "is not authorized to perform", "unsupported countries, regions",
          "is not authorized to invoke this api"),
    _said("account", "cloudflare", "banned the country or region", "daily free allocation"),
    _said("account", "gemini", "reported as leaked", "spending cap", "api_key_service_blocked",
          "api_key_http_referrer_blocked", "consumer_suspended", "unregistered callers",
          "billing_disabled", "perday", "dailylimitexceeded",
          "before or it is disabled"),
    _said("account", "cohere", "api calls / month"),
    _said("account", "groq", "organization_restricted"),
    _said("account", "openrouter", "free-models-per-day", "key limit exceeded"),
    _said("account", "qwen", "arrearage"),
    _said("account", "rapidapi", "not subscribed to this api"),
    _said("account", "volcengine", "accountoverdueerror"),
]  # fmt: skip
"""Each row with the provider that says it (`any`: several do); the more particular signs come first."""


def _merged(rows: Sequence[ErrorSign]) -> list[ErrorSign]:
    """Rows of one sign that follow one another as one row: a page need not know which provider says so."""
    merged: list[ErrorSign] = []
    for row in rows:
        last = merged[-1] if merged else None
        if last is None or last["sign"] != row["sign"] or last.get("alone") != row.get("alone"):
            last = {"sign": row["sign"], "any": ()}
            merged.append({**last, "alone": True} if row.get("alone") else last)
        merged[-1]["any"] = [*merged[-1]["any"], *row["any"]]
        if "phrases" in row:
            merged[-1]["phrases"] = row["phrases"]
    return merged


ERROR_SIGNS: Sequence[ErrorSign] = _merged(WORDINGS)
