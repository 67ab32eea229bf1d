"""The catalogue of the blameless lint: each rule with the guide it comes from, why it matters, and what to ask instead.

Read by `patterns.py` for the texts, by the CLI for SARIF's rule table, and by the documentation's test. The sources:
Dekker's Field Guide to Understanding Human Error (chapter 5: reactions to failure), PagerDuty's postmortem guide,
Etsy's Debriefing Facilitation Guide, the Howie guide.
"""

from domain.blameless.findings import Level
from domain.model import Model


class Rule(Model):
    """One rule. `level` is what it has in a description; sections about improvements are read one level milder."""

    id: str
    level: Level
    title: str
    why: str
    question: str
    source: str


_ALL = (
    Rule(
        id="blame",
        level=Level.ERROR,
        title="A person or a team is made the cause, or found at fault",
        why="A person's action is never the end of an explanation; what made the action possible and sensible is.",
        question="What about the system made this outcome possible, whoever was there?",
        source="PagerDuty postmortem guide, blameless; Dekker, judgmental reaction",
    ),
    Rule(
        id="judgement",
        level=Level.ERROR,
        title="A person is judged",
        why="A judgement says how the writer feels about it and explains nothing; people stop telling what they saw.",
        question="What did they see, know and expect at that moment, and what else needed their attention?",
        source="Dekker, judgmental reaction; Etsy facilitation guide",
    ),
    Rule(
        id="counterfactual",
        level=Level.ERROR,
        title="What people did not do is told instead of what they did",
        why="It describes a world that did not exist, measured with what is only known now.",
        question="What did they do instead, and what made that look right at the time?",
        source="Dekker, counterfactual reaction; Howie guide, avoid counterfactuals",
    ),
    Rule(
        id="counterfactual-passive",
        level=Level.WARNING,
        title="Something should have been done, by nobody in particular",
        why="The passive voice hides a person who is measured against what is only known now.",
        question="What was done, and which signal would have been needed to do otherwise?",
        source="Dekker, counterfactual reaction; PagerDuty postmortem guide, alternate reality",
    ),
    Rule(
        id="human-error",
        level=Level.ERROR,
        title="Human error as an explanation",
        why="Human error is where the questions begin: it names an outcome and ends the search.",
        question="What made the action look right at the time, and what let it have this effect?",
        source="Dekker, Field Guide; PagerDuty postmortem guide, contributing factors",
    ),
    Rule(
        id="root-cause",
        level=Level.WARNING,
        title="One root cause as the end of the story",
        why="Several things had to come together; the first one that is called the root hides the others.",
        question="What else had to be true for this to happen? Name at least two contributing factors.",
        source="PagerDuty postmortem guide, contributing factors; Etsy facilitation guide",
    ),
    Rule(
        id="hindsight",
        level=Level.WARNING,
        title="Known now, and told as if it had been plain then",
        why="What is obvious now was one signal among many; the word hides how hard it was to see.",
        question="What could be seen from there at that time, and what else looked just as likely?",
        source="Dekker, hindsight bias; PagerDuty postmortem guide, biases",
    ),
    Rule(
        id="insufficiency",
        level=Level.WARNING,
        title="Something was too little, and is called the cause",
        why="Too little compared with what? It mixes the description with a fix that somebody has in mind.",
        question="What was there, what was it meant for, and what came that it was not meant for?",
        source="PagerDuty postmortem guide, alternate reality; Howie guide",
    ),
    Rule(
        id="named-person",
        level=Level.WARNING,
        title="A person is named in a sentence about causes",
        why="The name adds nothing: anybody in that place, with that information, could have done the same.",
        question="Would another engineer have done the same? Write the role, and what the role could see.",
        source="PagerDuty postmortem guide, anonymise; Allspaw, substitution test",
    ),
    Rule(
        id="sanction",
        level=Level.ERROR,
        title="People are to be punished, or are to be more careful",
        why="Care is not a measure: everybody was careful already. A sanction teaches people to be silent.",
        question="What could make the careful way the easy way, or make the slip harmless?",
        source="STELLA, blame and sanction; Google's test of action items, by way of PagerDuty",
    ),
    Rule(
        id="who-question",
        level=Level.WARNING,
        title="The question asks for a person",
        why="Who and why make people defend themselves; what and how make them tell.",
        question="Ask how it came to be, or what was going on, and let anybody answer.",
        source="PagerDuty postmortem guide, ask what and how; Etsy facilitation guide, how and not why",
    ),
    Rule(
        id="suppression",
        level=Level.INFO,
        title="A comment to the lint says something that it does not know",
        why="A misspelt rule would suppress nothing, or everything, without anybody noticing.",
        question="Which of the rules was meant?",
        source="Hotwash",
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
