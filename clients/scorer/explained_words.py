"""The words around an explanation in English and Chinese; its sentences come from the server."""

from collections.abc import Mapping
from typing import NamedTuple, get_args

from protocols.contracts.decisions import Language, Outcome
from protocols.contracts.explanations import Cause


class Frame(NamedTuple):
    """The words of one language; what stands in braces is filled in.

    Attributes:
        needed, lost: Follow a value, where there is something to say.
        bound: Follows a cap that bound.
        beside: Says what other offers stand for, if they do.
        between: Stands between what is listed.
        decision: Names the decision that is explained.
    """

    outcome: str
    reason: str
    value: str
    needed: str
    lost: str
    caps: str
    bound: str
    beside: str
    advice: str
    no_advice: str
    between: str
    decision: str
    outcomes: Mapping[Outcome, str]
    causes: Mapping[Cause, str]


FRAMES: Mapping[Language, Frame] = {
    "en": Frame(
        outcome="{outcome}: {limit}",
        reason="{code}: {sentence}",
        value="{label}: {bucket}",
        needed="; needed: {bucket}",
        lost=" ({points:.1f} points)",
        caps="caps, the smallest of which bound:",
        bound=" (bound)",
        beside="beside other offers of {amount} that still stand",
        advice="what would change it:",
        no_advice="no advice was sought: not as it was is {causes}",
        between=", ",
        decision="decision {name}",
        outcomes={outcome: outcome for outcome in get_args(Outcome)},
        causes={cause: cause for cause in get_args(Cause)},
    ),
    "zh": Frame(
        outcome="{outcome}：额度{limit}",
        reason="{code}：{sentence}",
        value="{label}：{bucket}",
        needed="；需要：{bucket}",
        lost="；目前比平均水平低{points:.1f}分",
        caps="决定额度的上限（以最低的一项为准）：",
        bound="（以此为准）",
        beside="已计入其他仍然有效的额度报价：{amount}",
        advice="怎样可以改变结果：",
        no_advice="未提供改变结果的建议，因为以下各项与作出决定时不同：{causes}",
        between="、",
        decision="决定编号：{name}",
        outcomes={
            "APPROVE": "批准（APPROVE）",
            "COUNTEROFFER": "部分批准（COUNTEROFFER）",
            "DECLINE": "不予批准（DECLINE）",
            "REFER": "转人工审核（REFER）",
            "NOT_DECIDED": "未作决定（NOT_DECIDED）",
        },
        causes={
            "DATA": "申请数据（DATA）",
            "MODEL": "评分模型（MODEL）",
            "POLICY": "信贷政策（POLICY）",
            "PROFILE": "适用法规（PROFILE）",
            "CODE": "程序（CODE）",
            "DAY": "日期（DAY）",
        },
    ),
}
