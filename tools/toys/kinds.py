"""The five kinds of things that stories tell of: people, festivals, buildings, companies, teams.

In every phrasing `{n}` is the full name, `{s}` a short name or pronoun that begins a sentence, `{v}` the value.
"""

from __future__ import annotations

from random import Random

from tools.toys import words
from tools.toys.things import Attribute, Draw, Kind


def one_of(values: tuple[str, ...]) -> Draw:
    """Draws one of the values."""
    return lambda rng: rng.choice(values)


def number(low: int, high: int, step: int = 1) -> Draw:
    """Draws a number, as text."""
    return lambda rng: str(rng.randrange(low, high, step))


def full_name(rng: Random) -> str:
    """The name of some other person; never one of those that the toy sets are about."""
    return person(rng, held_out=False)[0]


def person(rng: Random, held_out: bool) -> tuple[str, str]:
    """A first and a last name, with the pronoun as short name."""
    first, last = words.pick_pair(rng, tuple(words.FIRST_NAMES), words.LAST_NAMES, held_out)
    return f"{first} {last}", words.FIRST_NAMES[first]


def fair(rng: Random, held_out: bool) -> tuple[str, str]:
    """A town's festival."""
    town, kind = words.pick_pair(rng, words.TOWNS, words.FAIRS, held_out)
    return f"The {town} {kind}", f"The {kind.split()[-1].lower()}"


def building(rng: Random, held_out: bool) -> tuple[str, str]:
    """A building named after a family."""
    last, kind = words.pick_pair(rng, words.LAST_NAMES, words.BUILDINGS, held_out)
    return f"The {last} {kind}", f"The {kind.lower()}"


def company(rng: Random, held_out: bool) -> tuple[str, str]:
    """A company named after a family."""
    last, kind = words.pick_pair(rng, words.LAST_NAMES, words.COMPANIES, held_out)
    return f"{last} {kind}", "The company"


def team(rng: Random, held_out: bool) -> tuple[str, str]:
    """A town's team."""
    town, mascot = words.pick_pair(rng, words.TOWNS, words.MASCOTS, held_out)
    return f"The {town} {mascot}", "The team"


PERSON = Kind(
    "person",
    person,
    (
        Attribute(
            "job",
            one_of(words.JOBS),
            (
                "{n} works as a {v}.",
                "{s} is a {v} by trade.",
                "{s} earns a living as a {v}.",
                "{n} is known as a good {v}.",
            ),
            ("What does {n} work as?", "What is the job of {n}?", "What trade does {n} follow?"),
            ("works as a {v}", "is a {v}"),
        ),
        Attribute(
            "town",
            one_of(words.TOWNS),
            ("{n} lives in {v}.", "{s} has a house in {v}.", "{s} moved to {v} years ago.", "{s} calls {v} home."),
            ("Where does {n} live?", "In which town does {n} live?", "Which town is the home of {n}?"),
            ("lives in {v}", "has a home in {v}"),
        ),
        Attribute(
            "pet",
            one_of(words.PETS),
            ("{s} keeps {v}.", "{s} takes care of {v}.", "At home {n} has {v}.", "{n} owns {v}."),
            ("What animals or animal does {n} keep?", "Which pet does {n} have?", "What does {n} take care of?"),
            ("keeps {v}", "owns {v}"),
            "a ",
        ),
        Attribute(
            "food",
            one_of(words.FOODS),
            (
                "{s} likes to eat {v}.",
                "For dinner {n} often makes {v}.",
                "The favorite food of {n} is {v}.",
                "{s} never says no to {v}.",
            ),
            ("What does {n} like to eat?", "What is the favorite food of {n}?", "Which dish does {n} like?"),
            ("likes {v}", "enjoys {v}"),
        ),
        Attribute(
            "instrument",
            one_of(words.INSTRUMENTS),
            (
                "{s} plays {v} in the evening.",
                "{n} learned to play {v}.",
                "As a child {n} played {v}.",
                "{s} practices {v} every day.",
            ),
            ("Which instrument does {n} play?", "What does {n} play?", "What did {n} learn to play?"),
            ("plays {v}", "practices {v}"),
            "the ",
        ),
        Attribute(
            "day",
            one_of(words.DAYS),
            (
                "Every {v} {n} goes to the market.",
                "{s} goes to the market on {v}.",
                "{s} never works on {v}, which is market day.",
            ),
            (
                "On which day does {n} go to the market?",
                "When does {n} go to the market?",
                "Which day is market day for {n}?",
            ),
            ("goes to the market on {v}", "visits the market on {v}"),
        ),
        Attribute(
            "friend",
            full_name,
            (
                "The best friend of {n} is {v}.",
                "{s} went to school with {v}, a close friend.",
                "{s} often meets a friend, {v}.",
            ),
            ("Who is the friend of {n}?", "Who is a friend of {n}?", "What is the name of the friend of {n}?"),
            ("is a friend of {v}", "often meets {v}"),
        ),
    ),
)

FAIR = Kind(
    "fair",
    fair,
    (
        Attribute(
            "month",
            one_of(words.MONTHS),
            (
                "{n} takes place in {v}.",
                "{s} opens each {v}.",
                "{s} is held every year in {v}.",
                "Every {v} it is time for {n}.",
            ),
            ("In which month is {n} held?", "When does {n} take place?", "Which month is the time for {n}?"),
            ("takes place in {v}", "is held in {v}"),
        ),
        Attribute(
            "place",
            one_of(words.PLACES),
            (
                "People gather at {v}.",
                "{s} is held at {v}.",
                "{s} fills the space around {v}.",
                "Visitors of {n} meet at {v}.",
            ),
            ("Where is {n} held?", "Where do people gather for {n}?", "At which place do visitors of {n} meet?"),
            ("gathers people at {v}", "fills the space around {v}"),
            "the ",
        ),
        Attribute(
            "founder",
            full_name,
            ("{s} was started by {v}.", "It was {v} who began {n}.", "{v} had the idea for {n}."),
            ("Who started {n}?", "Who had the idea for {n}?", "Who began {n}?"),
            ("was started by {v}", "was an idea of {v}"),
        ),
        Attribute(
            "visitors",
            number(200, 9900, 100),
            ("Last year {v} people came.", "{s} drew {v} visitors.", "About {v} guests came to {n}."),
            ("How many people came to {n}?", "How many visitors did {n} draw?", "How many guests came to {n}?"),
            ("drew {v} visitors", "had {v} guests"),
        ),
        Attribute(
            "prize",
            one_of(words.PRIZES),
            ("The winner receives {v}.", "First prize at {n} is {v}.", "{s} gives {v} to the winner."),
            ("What does the winner of {n} receive?", "What is first prize at {n}?", "Which prize does {n} give?"),
            ("gives {v} to the winner", "offers {v} as first prize"),
            "a ",
        ),
        Attribute(
            "food",
            one_of(words.FOODS),
            ("Stands sell {v}.", "{s} is famous for its {v}.", "Guests of {n} eat a lot of {v}."),
            ("What do stands sell at {n}?", "Which food is {n} famous for?", "What do guests of {n} eat?"),
            ("is famous for its {v}", "offers {v}"),
        ),
    ),
)

BUILDING = Kind(
    "building",
    building,
    (
        Attribute(
            "year",
            number(1790, 1990),
            (
                "{n} was built in {v}.",
                "{s} opened its doors in {v}.",
                "Work on {n} ended in {v}.",
                "{s} dates from {v}.",
            ),
            ("When was {n} built?", "In which year did {n} open?", "What year does {n} date from?"),
            ("was built in {v}", "opened in {v}"),
        ),
        Attribute(
            "architect",
            full_name,
            ("{s} was designed by {v}.", "The plans for {n} were drawn by {v}.", "{v} was the architect of {n}."),
            ("Who designed {n}?", "Who was the architect of {n}?", "Who drew the plans for {n}?"),
            ("was designed by {v}", "was planned by {v}"),
        ),
        Attribute(
            "street",
            one_of(words.STREETS),
            ("{s} stands on {v}.", "You can find {n} on {v}.", "Its doors open on {v}."),
            ("On which street is {n}?", "Where does {n} stand?", "Where can you find {n}?"),
            ("stands on {v}", "is on {v}"),
        ),
        Attribute(
            "material",
            one_of(words.MATERIALS),
            ("Its walls are made of {v}.", "{s} is built of {v}.", "{n} is a fine house of {v}."),
            ("What are the walls of {n} made of?", "What is {n} built of?", "Which material was used for {n}?"),
            ("is built of {v}", "has walls of {v}"),
        ),
        Attribute(
            "rooms",
            number(12, 95),
            ("{s} has {v} rooms.", "There are {v} rooms in {n}.", "Inside there are {v} rooms."),
            (
                "How many rooms does {n} have?",
                "How many rooms are there in {n}?",
                "What is the number of rooms in {n}?",
            ),
            ("has {v} rooms", "holds {v} rooms"),
        ),
        Attribute(
            "color",
            one_of(words.COLORS),
            ("The roof of {n} is {v}.", "{s} has a {v} roof.", "From far away you see its {v} roof."),
            (
                "What color is the roof of {n}?",
                "Which color does the roof of {n} have?",
                "What is the color of the roof of {n}?",
            ),
            ("has a {v} roof", "is known for a {v} roof"),
        ),
    ),
)

COMPANY = Kind(
    "company",
    company,
    (
        Attribute(
            "product",
            one_of(words.PRODUCTS),
            ("{n} makes {v}.", "{s} sells {v}.", "{s} is known for its {v}.", "Shops buy {v} from {n}."),
            ("What does {n} make?", "What does {n} sell?", "Which goods is {n} known for?"),
            ("makes {v}", "sells {v}"),
        ),
        Attribute(
            "town",
            one_of(words.TOWNS),
            ("{n} has its office in {v}.", "{s} comes from {v}.", "{s} is the pride of {v}."),
            ("Where is the office of {n}?", "Which town does {n} come from?", "In which town is {n}?"),
            ("comes from {v}", "has its office in {v}"),
        ),
        Attribute(
            "boss",
            full_name,
            ("{s} is led by {v}.", "The head of {n} is {v}.", "{v} runs {n}."),
            ("Who leads {n}?", "Who is the head of {n}?", "Who runs {n}?"),
            ("is led by {v}", "is run by {v}"),
        ),
        Attribute(
            "workers",
            number(15, 980, 5),
            ("{s} employs {v} people.", "{n} has {v} workers.", "Today {v} people work there."),
            ("How many people does {n} employ?", "How many workers does {n} have?", "How many people work at {n}?"),
            ("employs {v} people", "has {v} workers"),
        ),
        Attribute(
            "year",
            number(1790, 1990),
            ("{n} was founded in {v}.", "{s} goes back to {v}.", "{s} started out in {v}."),
            ("When was {n} founded?", "In which year did {n} start?", "What year does {n} go back to?"),
            ("was founded in {v}", "goes back to {v}"),
        ),
        Attribute(
            "trucks",
            one_of(words.COLORS),
            ("The trucks of {n} are {v}.", "{s} has {v} trucks.", "Its {v} trucks are seen everywhere."),
            (
                "What color are the trucks of {n}?",
                "Which color do the trucks of {n} have?",
                "What is the color of the trucks of {n}?",
            ),
            ("has {v} trucks", "uses {v} trucks"),
        ),
    ),
)

TEAM = Kind(
    "team",
    team,
    (
        Attribute(
            "sport",
            one_of(words.SPORTS),
            ("{n} play {v}.", "{s} is good at {v}.", "{s} has always played {v}."),
            ("What sport do {n} play?", "Which sport do {n} play?", "What are {n} good at?"),
            ("play {v}", "are good at {v}"),
        ),
        Attribute(
            "coach",
            full_name,
            ("{s} is trained by {v}.", "The coach of {n} is {v}.", "{v} trains {n}."),
            ("Who trains {n}?", "Who is the coach of {n}?", "What is the name of the coach of {n}?"),
            ("are trained by {v}", "have {v} as coach"),
        ),
        Attribute(
            "shirts",
            one_of(words.COLORS),
            ("{s} wears {v} shirts.", "The shirts of {n} are {v}.", "You know them by their {v} shirts."),
            (
                "What color are the shirts of {n}?",
                "Which color do {n} wear?",
                "What is the color of the shirts of {n}?",
            ),
            ("wear {v} shirts", "have {v} shirts"),
        ),
        Attribute(
            "day",
            one_of(words.DAYS),
            ("{s} trains on {v}.", "Every {v} {n} meet for practice.", "Practice is on {v}."),
            ("When do {n} train?", "On which day do {n} meet for practice?", "Which day is practice day for {n}?"),
            ("train on {v}", "meet on {v}"),
        ),
        Attribute(
            "wins",
            number(3, 40),
            ("Last season {n} won {v} games.", "{s} has won {v} games.", "This year they won {v} games."),
            ("How many games did {n} win?", "How many games have {n} won?", "What is the number of games {n} won?"),
            ("won {v} games", "have won {v} games"),
        ),
        Attribute(
            "field",
            one_of(words.PLACES),
            ("Home games are played near {v}.", "{s} plays close to {v}.", "{n} have their field near {v}."),
            ("Where do {n} play home games?", "Near which place do {n} play?", "Where is the field of {n}?"),
            ("play near {v}", "have a field near {v}"),
            "the ",
        ),
    ),
)

KINDS: tuple[Kind, ...] = (PERSON, FAIR, BUILDING, COMPANY, TEAM)
