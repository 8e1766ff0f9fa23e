"""Messages: rules, 8."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from laoyouhui.config.kinds import (
    DAY,
    LINE,
    MESSAGE,
    Clock,
    Code,
    Count,
    EntriesOrNone,
    Section,
    Text,
    UnitFen,
    one_of,
    refusal,
    refuse,
    repeated,
    whole,
)
from laoyouhui.config.located_yaml import YamlPath
from laoyouhui.config.terms import sections

# the placeholders of the events that a text may announce; each section names its own
EVENTS = {"announcement": ("starts_on", "ends_on")}
PLACEHOLDERS: dict[str, tuple[str, ...]] = {**EVENTS}
SECRETS: dict[str, str] = {}
for _section in sections(but="messages").values():
    PLACEHOLDERS |= getattr(_section, "EVENTS", {})
    SECRETS |= getattr(_section, "SECRETS", {})


def longest(_terms: Mapping[str, Any], _length: Callable[[str], int]) -> dict[str, str]:
    """The longest text that can stand for each placeholder of an announcement."""
    return {"starts_on": DAY, "ends_on": DAY}


class _Hours(Section):
    from_: Clock = Field(alias="from")
    to: Clock

    @model_validator(mode="after")
    def from_before_to(self) -> Self:
        if self.from_ >= self.to:
            refuse([(("to",), self.to, f"a time after from, {self.from_}")])
        return self


class _MarketingLimit(Section):
    messages: Count
    days: Count


class _Template(Section):
    code: Code
    class_: Annotated[str, one_of("service", "marketing")] = Field(alias="class")
    channel: Annotated[str, one_of("sms", "push")] = "sms"
    event: Annotated[str, one_of(*PLACEHOLDERS)]
    days_before_start: Annotated[int | None, whole(0, 10_000, "whole days")] = None
    title: Annotated[str | None, MESSAGE] = None
    text: Annotated[str, MESSAGE]

    @field_validator("title", "text")
    @classmethod
    def placeholders_known(cls, text: str | None, info: ValidationInfo) -> str | None:
        allowed = PLACEHOLDERS.get(info.data.get("event", ""))
        if allowed is None or text is None:
            return text
        others = re.search("{[^{}]*}|[{}]", re.sub("{(" + "|".join(allowed) + ")}", "", text))
        if others:
            spelled = ", ".join(f"{{{name}}}" for name in allowed)
            raise refusal(f"only the placeholders {spelled}, not {others[0]}")
        return text

    @model_validator(mode="after")
    def fields_agree(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        if (self.channel == "push") != (self.title is not None):
            mistakes.append((("title",), self.title, "a title exactly where the channel is push"))
        if (self.event == "announcement") != (self.days_before_start is not None):
            mistakes.append((("days_before_start",), self.days_before_start, "days exactly at an announcement"))
        if self.event == "announcement" and self.class_ != "marketing":
            mistakes.append((("class",), self.class_, "marketing, which an announcement is"))
        secret = SECRETS.get(self.event)
        if secret and (self.channel, self.class_) != ("sms", "service"):
            mistakes.append((("channel",), self.channel, f"a service SMS: {{{secret}}} is a secret"))
        if secret and self.text.count(f"{{{secret}}}") != 1:
            mistakes.append((("text",), self.text, f"{{{secret}}} exactly once"))
        refuse(mistakes)
        return self


class Terms(Section):
    """Texts, hours and limits; each segment of an SMS is paid."""

    is_required: ClassVar[bool] = True

    signature: Text
    opt_out_text: Text
    push_opt_out_text: Annotated[str | None, LINE] = None
    hours: _Hours
    marketing_limit: _MarketingLimit
    unit_price_fen: UnitFen
    templates: EntriesOrNone[_Template]

    @field_validator("signature")
    @classmethod
    def names_its_sender(cls, signature: str) -> str:
        if not re.fullmatch("【[^】]+】", signature):
            raise refusal("the sender's name in 【】, such as 【中国联通】")
        return signature

    @field_validator("templates")
    @classmethod
    def texts_lawful(cls, templates: list[_Template], info: ValidationInfo) -> list[_Template]:
        # if the signature itself is refused there is nothing to compare with
        signature = info.data.get("signature", "")
        endings = {  # nobody can reply to a push message
            "sms": ("opt_out_text", info.data.get("opt_out_text", "")),
            "push": ("push_opt_out_text", info.data.get("push_opt_out_text", "")),
        }
        mistakes: list[tuple[YamlPath, object, str]] = []
        for number, template in enumerate(templates):
            if not template.text.startswith(signature):
                mistakes.append(((number, "text"), template.text, f"to begin with the signature {signature}"))
            elif template.channel == "push" and template.text == signature:
                mistakes.append(((number, "text"), template.text, "words behind the signature"))
            name, ending = endings[template.channel]
            if template.class_ == "marketing" and ending is None:
                mistakes.append(((number, "channel"), template.channel, f"a {name} beside the templates"))
            elif template.class_ == "marketing" and not template.text.endswith(ending):
                mistakes.append(((number, "text"), template.text, f"to end with the {name} {ending}"))
        codes = repeated([template.code for template in templates])
        refuse([*mistakes, *(((number, "code"), code, "each template code once") for number, code in codes)])
        return templates
