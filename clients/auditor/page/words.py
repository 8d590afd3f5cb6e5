"""The live page's words in English and Chinese, and which of the two a reader gets."""

import re
from collections.abc import Callable

LANGUAGES = ("en", "zh")
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q=([01](?:\.\d{1,3})?))?\s*")

Say = Callable[..., str]

_WORDS: dict[str, tuple[str, str]] = {
    "title": ("Privacy audit", "隐私审计"),
    "skip": ("Skip to the content", "跳到正文"),
    "other_language": ("中文", "English"),
    "log_in": ("Log in", "登录"),
    "log_out": ("Log out", "退出"),
    "token": ("Login token", "登录令牌"),
    "token_hint": (
        "The console of fedscore-audit serve says which file holds it.",
        "运行 fedscore-audit serve 的终端会说明令牌在哪个文件中。",
    ),
    "token_wrong": ("This is not the token.", "令牌不正确。"),
    "token_wait": (
        "Too many wrong tokens. The next one is looked at in {seconds} s.",
        "错误次数过多。{seconds} 秒后才会检查下一个令牌。",
    ),
    "logged_out": ("You are logged out.", "您已退出。"),
    "verdict": ("Verdict", "结论"),
    "true": ("TRUE", "属实"),
    "not_true": ("NOT TRUE", "不属实"),
    "true_long": (
        "Every entry is signed and in its place, every price is right, and every partner is "
        "within its caps.",
        "每条记录都有签名且位置正确，每笔价格都正确，各机构均未超出上限。",
    ),
    "not_true_long": (
        "Do not rely on the numbers of this log.",
        "请勿采信此日志中的数字。",
    ),
    "findings": ("Findings: {count}", "发现的问题：{count} 个"),
    "where": ("Where", "位置"),
    "message": ("What was expected and found", "应为与实为"),
    "more_findings": (
        "{count} more; fedscore-audit verify prints all of them.",
        "另有 {count} 个；fedscore-audit verify 会全部列出。",
    ),
    "checking": ("Checking", "正在核验"),
    "checking_long": (
        "The log is being read and verified for the first time. The verdict will appear here.",
        "正在首次读取并核验日志，结论将显示在此处。",
    ),
    "rechecking": (
        "The log has changed and is being verified; below is the state before.",
        "日志有变化，正在核验；以下是此前的状态。",
    ),
    "lost": ("The log cannot be read", "无法读取日志"),
    "lost_since": ("Since {time}.", "自 {time} 起。"),
    "lost_long": (
        "Below is what was found when the log was last read, at {time}. It may have changed since.",
        "以下是最近一次（{time}）读取日志时的结果，此后可能已有变化。",
    ),
    "lost_never": ("Nothing has been verified yet.", "尚未核验任何内容。"),
    "silent": (
        "The log was last read at {time}; the check takes unusually long.",
        "最近一次读取日志是在 {time}；核验耗时异常。",
    ),
    "empty": (
        "The log holds the charter only. No partner has authorised a run, nothing is spent.",
        "日志中只有章程。尚无机构授权任何运行，预算未被动用。",
    ),
    "log": ("Log and checkpoint", "日志与检查点"),
    "origin": ("Log", "日志"),
    "size": ("Entries", "记录数"),
    "root": ("Root", "根哈希"),
    "charter": ("Charter", "章程"),
    "earlier": ("Charter until entry {entry}", "至第 {entry} 条记录的章程"),
    "verified_at": ("Verified", "核验时间"),
    "seen_at": ("Last read", "最近读取"),
    "no_checkpoint": ("no checkpoint that opens", "没有可验证的检查点"),
    "witnesses": ("Witnesses", "见证方"),
    "witness": ("Witness", "见证方"),
    "witnesses_caption": (
        "What each witness cosigned last, by its own clock",
        "各见证方最近一次联署，按其自己的时钟",
    ),
    "witnessed": ("Cosigned by a quorum", "已达法定联署"),
    "witnessed_of": (
        "the first {witnessed} of {size} entries, by {quorum} witnesses or more",
        "前 {witnessed} 条（共 {size} 条），由至少 {quorum} 个见证方联署",
    ),
    "budgets": ("Budgets", "预算"),
    "budgets_caption": (
        "What each partner's borrowers may have spent, in epsilon, of the charter's caps",
        "各机构借款人可能已消耗的 ε，与章程上限对照",
    ),
    "partner": ("Partner", "机构"),
    "released": ("Towards a user of the model", "对模型使用者"),
    "worst": ("If everybody else colludes", "其余各方合谋时"),
    "of_cap": ("{spent} of {cap}", "{spent} / {cap}"),
    "left": ("{left} left", "剩余 {left}"),
    "held": (
        "of what is used, {held} is held for open runs",
        "已用部分中，{held} 为未结束的运行预留",
    ),
    "counts": ("runs: {runs}, spends: {spends}", "运行：{runs}，支出：{spends}"),
    "open_runs": ("open: {runs}", "未结束：{runs}"),
    "second": ("By other accountants", "其他核算方法"),
    "second_caption": (
        "The dearest history towards each watcher, in epsilon: closed form, of record; privacy "
        "loss distributions and Renyi, upper bounds",
        "对每个观察者而言最贵的历史（ε）：闭式公式为准；隐私损失分布与 Rényi 为上界",
    ),
    "disagree": (
        "The accountants disagree on {names}; fedscore-audit price says where.",
        "各核算方法对 {names} 的结果不一致；fedscore-audit price 会指出何处。",
    ),
    "agree": ("The accountants agree.", "各核算方法结果一致。"),
    "view": ("Watcher", "观察者"),
    "view_released": ("a user of the model", "模型使用者"),
    "view_worst": ("everybody else together", "其余各方合谋"),
    "view_person": (
        "a user; a person with {lenders} lenders",
        "模型使用者；在 {lenders} 家机构有贷款的人",
    ),
    "view_person_worst": (
        "everybody else; a person with {lenders} lenders",
        "其余各方；在 {lenders} 家机构有贷款的人",
    ),
    "closed": ("Closed form", "闭式公式"),
    "pld": ("Privacy loss distribution", "隐私损失分布"),
    "rdp": ("Renyi", "Rényi"),
    "persons": ("A person with several lenders", "在多家机构有贷款的人"),
    "persons_caption": (
        "Epsilon of a person, as if every one of the lenders had this history; where the second "
        "is smaller, it holds for both. At {names}",
        "假定该人的每家机构都有此历史时的 ε；若第二个数较小，则两者均以它为准。机构：{names}",
    ),
    "lenders": ("Lenders", "机构数"),
    "growth": ("Budget over time", "预算随时间的变化"),
    "chart_released": (
        "Spent towards a user of the model, epsilon",
        "对模型使用者已消耗的 ε",
    ),
    "chart_worst": (
        "Spent if everybody else colludes, epsilon",
        "其余各方合谋时已消耗的 ε",
    ),
    "cap": ("cap", "上限"),
    "chart_label": (
        "Chart: {title}, one line for each partner. The table below has its numbers.",
        "图表：{title}，每个机构一条线。数字见下表。",
    ),
    "growth_table": ("The numbers of the charts", "图表数据"),
    "growth_caption": (
        "Spent after each partner's last spend in each run, in epsilon",
        "各机构在每次运行最后一笔支出之后已消耗的 ε",
    ),
    "growth_none": ("Nothing has been spent yet.", "尚无支出。"),
    "releases": ("Releases and runs", "发布与运行"),
    "releases_caption": ("Releases in the log, latest first", "日志中的发布，最新在前"),
    "release": ("Release", "发布"),
    "run": ("Run", "运行"),
    "closing": ("Closed by", "结束情况"),
    "closed_by_all": ("every partner that authorised it", "所有授权机构均已结束"),
    "not_closed_by": ("not closed by {names}", "{names} 尚未结束"),
    "no_releases": ("No model has been released.", "尚未发布模型。"),
    "unreleased_caption": ("Runs without a release", "没有发布的运行"),
    "state": ("State", "状态"),
    "run_open": ("open: not closed by {names}", "进行中：{names} 尚未结束"),
    "run_ended": ("ended without a release", "已结束，没有发布"),
    "rounds": ("Rounds", "轮次"),
    "rounds_caption": ("Rounds in the log, latest first", "日志中的轮次，最新在前"),
    "round": ("Round", "轮次"),
    "question": ("Question", "查询"),
    "noise": ("noise {noise}", "噪声 {noise}"),
    "outcome": ("Outcome", "结果"),
    "used": ("opened and used", "已开启并使用"),
    "unused": ("opened, not used: {fault}", "已开启，未使用：{fault}"),
    "void": (
        "void: {names} missing; whoever answered has paid",
        "作废：{names} 缺席；已答复者的支出照计",
    ),
    "cohort": ("Cohort", "参与机构"),
    "time": ("Time (UTC)", "时间（UTC）"),
    "no_rounds": ("No round has ended yet.", "尚无轮次结束。"),
    "more_rounds": ("{count} earlier rounds are not shown.", "另有 {count} 个较早的轮次未显示。"),
    "left_cohort": (
        "Run {run} went on without {names}.",
        "运行 {run} 在 {names} 退出后继续。",
    ),
    "limits": (
        "A log shows who signed what and in which order; it cannot show that noise was really "
        "drawn, that the data were real, or that nothing left beside it.",
        "日志能表明谁以何顺序签署了什么；但不能表明噪声确已抽取、数据真实，或没有其他信息泄出。",
    ),
    "announce": ("{verdict}. {size} entries.", "{verdict}。共 {size} 条记录。"),
    "offline": (
        "This page cannot reach its server; what you see may be old.",
        "本页面无法连接服务器；所见内容可能已过时。",
    ),
    "not_found": ("There is no such page.", "没有这个页面。"),
    "scroll": ("{title}, can be scrolled sideways", "{title}，可左右滚动"),
    "never": ("never", "从未"),
}


def speaker(language: str) -> Say:
    """Return a function from a word's name and its parts to text in ``language``."""
    column = LANGUAGES.index(language)

    def say(name: str, **parts: object) -> str:
        return _WORDS[name][column].format(**parts)

    return say


def choose_language(asked: str, accepted: str) -> str:
    """Return the language asked for, or else the best that the browser accepts; English if none.

    Args:
        asked: The value of ``?lang=``; anything else than a language we have counts as absent.
        accepted: The header Accept-Language.
    """
    if asked in LANGUAGES:
        return asked
    best, best_weight = LANGUAGES[0], 0.0
    for part in accepted[:200].split(","):
        match = _RANGE.fullmatch(part)
        weight = float(match[2] or 1) if match else 0.0
        if match and match[1].lower() in LANGUAGES and weight > best_weight:
            best, best_weight = match[1].lower(), weight
    return best
