"""Publicity as planned: plan, W2 and W3."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from laoyouhui.config.kinds import (
    LINE,
    Code,
    Date,
    Entries,
    EntriesOrNone,
    Section,
    SumFen,
    Text,
    one_of,
    refuse,
    repeated,
    text_like,
)
from laoyouhui.config.located_yaml import YamlPath

MEETS = {
    "activities.*.platform": ("feeds.social.platform",),
    "activities.*.topic": ("feeds.social.topic",),
}


class _Activity(Section):
    code: Annotated[str, text_like(r"[A-Za-z0-9-]{1,20}", "1 to 20 letters, digits and -, as vouchers spell it")]
    channel: Annotated[str, one_of("app_page", "social", "offline")]
    name: Text
    from_: Date = Field(alias="from")
    to: Date
    platform: Code | None = None
    topic: Annotated[str | None, LINE] = None
    partner: Annotated[str | None, LINE] = None
    places: EntriesOrNone[Text] = Field(default_factory=list)
    planned_cost_fen: SumFen

    @model_validator(mode="after")
    def fields_agree(self) -> Self:
        mistakes: list[tuple[YamlPath, object, str]] = []
        if self.to < self.from_:
            mistakes.append((("to",), self.to, f"a date not before from, {self.from_}"))
        if self.code == "OTHER":
            mistakes.append((("code",), self.code, "another code: OTHER are the vouchers of no activity"))
        if self.channel == "social" and self.platform is None:
            mistakes.append((("platform",), None, "a platform of the feed social, where the channel is social"))
        if self.channel != "social" and self.topic is not None:
            mistakes.append((("topic",), self.topic, "a topic only where the channel is social"))
        if self.channel != "offline" and self.partner is not None:
            mistakes.append((("partner",), self.partner, "a partner only where the channel is offline"))
        if (self.channel == "offline") != bool(self.places):
            mistakes.append((("places",), self.places, "places exactly where the channel is offline"))
        refuse(mistakes)
        return self


class Terms(Section):
    """Activities in the app, on social media and offline, with what they are planned to cost."""

    activities: Entries[_Activity]

    @field_validator("activities")
    @classmethod
    def codes_once(cls, activities: list[_Activity]) -> list[_Activity]:
        codes = [activity.code for activity in activities]
        refuse(((number, "code"), code, "each activity's code once") for number, code in repeated(codes))
        return activities
