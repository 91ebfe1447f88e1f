"""What vendors' own codes of errors mean, in lower case, where the status does not say it; a status, too, where it is used for
something of theirs. All else is told by the status and by the usual words (`gateway.dialects.openai.failure`).

Read for them in November 2026: Fireworks, "Inference error codes"; Groq, "Flex Processing" (498), "API error codes and
responses" in excerpts; Zhipu, "Error codes" in excerpts; Alibaba Cloud Model Studio, MiniMax and Volcengine Ark (82379/1099476),
"Error codes" in parts; SiliconFlow, "Error handling" (20012); answers as users reported them: Mistral's 1300
(raycast/extensions#31107), 3505 (editor-code-assistant/eca#231), Moonshot's (MoonshotAI/kimi-cli#2011), Groq's model_not_found
(tests of maruel/genai). Not checked: all of Databricks and text-generation-inference, Groq's codes of tools, SiliconFlow's others,
and what is not in the excerpts.
"""

from gateway.dialects.refusals import Codes
from gateway.values.outcome import Outcome

_KEY, _QUOTA, _GONE = Outcome.CREDENTIAL_REFUSED, Outcome.QUOTA_EXHAUSTED, Outcome.DEPLOYMENT_GONE
_RATE, _BUSY = Outcome.RATE_LIMITED, Outcome.OVERLOADED
_LONG, _POLICY = Outcome.CONTEXT_TOO_LONG, Outcome.CONTENT_POLICY

ALIBABA: Codes = {
    "invalidapikey": _KEY,
    "invalid_api_key": _KEY,
    "accessdenied": _KEY,
    "access_denied": _KEY,
    "arrearage": _QUOTA,
    "insufficient_quota": _RATE,  # Throttling.AllocationQuota: tokens a minute
    "limit_requests": _RATE,
    "datainspectionfailed": _POLICY,
    "data_inspection_failed": _POLICY,
    "modelnotfound": _GONE,
    "model_not_found": _GONE,
    "model.accessdenied": _GONE,
}
DATABRICKS: Codes = {
    "request_limit_exceeded": _RATE,
    "permission_denied": _KEY,
    "unauthenticated": _KEY,
    "resource_does_not_exist": _GONE,
    "endpoint_not_found": _GONE,
    "temporarily_unavailable": _BUSY,
}
FIREWORKS: Codes = {"412": _QUOTA}  # the account is suspended, or its limit of spending is reached
GROQ: Codes = {
    "498": _BUSY,  # no capacity for the flex tier
    "rate_limit_exceeded": _RATE,  # as 413, too: the request alone is more than a minute's tokens
    "model_decommissioned": _GONE,
    "model_not_found": _GONE,
    "tool_use_failed": Outcome.MALFORMED_ANSWER,  # its model wrote no valid call
    "json_validate_failed": Outcome.MALFORMED_ANSWER,
}
MINIMAX: Codes = {
    "1001": _BUSY,
    "1002": _RATE,
    "1004": _KEY,
    "1008": _QUOTA,
    "1026": _POLICY,
    "1027": _POLICY,
    "1039": _RATE,
    "1041": _RATE,
    "2013": Outcome.BAD_REQUEST,
    "2045": _RATE,
    "2049": _KEY,
    "2056": _QUOTA,
}
MISTRAL: Codes = {"1300": _RATE, "3505": _BUSY, "1500": _GONE}
MOONSHOT: Codes = {
    "exceeded_current_quota_error": _QUOTA,
    "rate_limit_reached_error": _RATE,
    "engine_overloaded_error": _BUSY,
    "invalid_authentication_error": _KEY,
    "incorrect_api_key_error": _KEY,
    "permission_denied_error": _KEY,
    "resource_not_found_error": _GONE,
    "content_filter": _POLICY,
}
SILICONFLOW: Codes = {"20012": _GONE, "30001": _QUOTA, "50505": _BUSY, "50603": _BUSY}
TGI: Codes = {"overloaded": _BUSY}
VOLCENGINE: Codes = {
    "authenticationerror": _KEY,
    "accessdenied": _KEY,
    "accountoverdueerror": _QUOTA,
    "quotaexceeded": _QUOTA,
    "setlimitexceeded": _QUOTA,
    "serveroverloaded": _BUSY,
    "modelnotopen": _GONE,
    "invalidendpointormodel.notfound": _GONE,
    "invalidendpoint.closedendpoint": _GONE,
    "sensitivecontentdetected": _POLICY,
    "inputtextsensitivecontentdetected": _POLICY,
    "inputimagesensitivecontentdetected": _POLICY,
    "outputtextsensitivecontentdetected": _POLICY,
    "inputtextriskdetection": _POLICY,
    "inputimageriskdetection": _POLICY,
    "outputtextriskdetection": _POLICY,
}
ZHIPU: Codes = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004", "1110", "1111", "1112", "1120", "1121", "1220"), _KEY),
    **dict.fromkeys(("1113", "1304", "1308", "1309", "1310"), _QUOTA),
    **dict.fromkeys(("1211", "1221", "1222", "1311"), _GONE),
    "1261": _LONG,
    "1301": _POLICY,
    "1302": _RATE,
    "1303": _RATE,
    "1305": _BUSY,
    "1312": _BUSY,
}
