"""The names and values that the made-up stories are filled with."""

from __future__ import annotations

from random import Random

# Each first name with the pronoun that the stories use for it.
FIRST_NAMES: dict[str, str] = {
    "Mara": "She", "Owen": "He", "Tessa": "She", "Caleb": "He", "Nora": "She", "Felix": "He", "Ivy": "She",
    "Jonas": "He", "Clara": "She", "Hugo": "He", "Leila": "She", "Simon": "He", "Ruth": "She", "Oscar": "He",
    "Dana": "She", "Victor": "He", "Amira": "She", "Peter": "He", "Sofia": "She", "Liam": "He", "Helen": "She",
    "Marcus": "He", "Priya": "She", "Edgar": "He", "Wanda": "She", "Tobias": "He", "Grace": "She", "Kenji": "He",
    "Elsa": "She", "Ravi": "He", "Alma": "She", "Bruno": "He",
}  # fmt: skip

LAST_NAMES: tuple[str, ...] = (
    "Tilden", "Marsh", "Okafor", "Lindgren", "Castell", "Barrow", "Novak", "Whitlow", "Sato", "Pell", "Haddad",
    "Quill", "Moreno", "Thorne", "Ekman", "Vance", "Dorsey", "Abbott", "Kessler", "Rowan", "Ferris", "Lund",
    "Mercer", "Osborn", "Patel", "Winslow", "Greer", "Halden", "Bishop", "Cortez", "Drake", "Farrow",
)  # fmt: skip

TOWNS: tuple[str, ...] = (
    "Brindle", "Oakford", "Millbrook", "Ashby", "Stonegate", "Fairhaven", "Redcliff", "Larkspur", "Winterton",
    "Pinehurst", "Elmwood", "Harlow", "Copperfield", "Saltmarsh", "Greyport", "Willowdale", "Northfield",
    "Hazelton", "Riverton", "Clayburn", "Thornbury", "Seaview", "Maplewood", "Dunmore", "Kestrel", "Ironbridge",
    "Silverlake", "Foxhollow", "Bramley", "Westerly",
)  # fmt: skip

PETS: tuple[str, ...] = (
    "a gray cat", "a black dog", "a brown horse", "a white rabbit", "a green parrot", "a small turtle",
    "three goats", "two ducks", "five hens", "a spotted pony", "a lazy donkey", "a yellow canary",
)  # fmt: skip

FOODS: tuple[str, ...] = (
    "apple pie", "onion soup", "fresh bread", "roasted corn", "plum cake", "fried fish", "lemon tea",
    "bean stew", "cheese pancakes", "honey cookies", "tomato salad", "pumpkin soup", "cherry jam",
    "mushroom rice",
)  # fmt: skip

INSTRUMENTS: tuple[str, ...] = (
    "the violin", "the flute", "the piano", "the drums", "the trumpet", "the guitar", "the harp", "the cello",
    "the banjo", "the clarinet",
)  # fmt: skip

DAYS: tuple[str, ...] = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

MONTHS: tuple[str, ...] = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip

COLORS: tuple[str, ...] = ("red", "blue", "green", "yellow", "white", "orange", "purple", "silver", "brown", "pink")

JOBS: tuple[str, ...] = (
    "baker", "potter", "carpenter", "tailor", "shepherd", "beekeeper", "librarian", "dentist", "pilot", "sailor",
    "gardener", "blacksmith", "shoemaker", "florist", "photographer", "plumber", "electrician", "farmer",
    "nurse", "teacher", "cook", "painter", "doctor", "clerk",
)  # fmt: skip

STREETS: tuple[str, ...] = (
    "Harbor Street", "Mill Lane", "Chapel Road", "Station Street", "Garden Avenue", "Bridge Street",
    "Market Square", "Orchard Lane", "Castle Road", "Lake Avenue", "School Lane", "Tower Road",
)  # fmt: skip

PLACES: tuple[str, ...] = (
    "the old mill", "the town hall", "the lake park", "the train station", "the stone bridge", "the school yard",
    "the harbor", "the market square", "the sports field", "the castle garden",
)  # fmt: skip

MATERIALS: tuple[str, ...] = (
    "red brick", "gray stone", "dark wood", "white marble", "glass and steel", "pale clay", "old timber",
    "rough granite",
)  # fmt: skip

PRIZES: tuple[str, ...] = (
    "a silver cup", "a new bicycle", "a basket of fruit", "a golden medal", "a wool blanket", "a wooden clock",
    "a painted bowl", "a pair of boots",
)  # fmt: skip

SPORTS: tuple[str, ...] = (
    "soccer", "hockey", "baseball", "tennis", "volleyball", "rugby", "basketball", "cricket",
)  # fmt: skip

PRODUCTS: tuple[str, ...] = (
    "wooden chairs", "glass bottles", "leather bags", "copper pots", "wool coats", "paper lamps", "garden tools",
    "small boats", "kitchen knives", "warm blankets", "toy trains", "brass bells",
)  # fmt: skip

FAIRS: tuple[str, ...] = (
    "Apple Fair", "Lantern Festival", "Book Fair", "Kite Festival", "Bread Festival", "Flower Parade",
    "Boat Parade", "Music Festival", "Harvest Fair", "Snow Festival",
)  # fmt: skip

BUILDINGS: tuple[str, ...] = ("Museum", "Library", "Hotel", "Theater", "Hospital", "Academy", "Tower", "Gallery")

COMPANIES: tuple[str, ...] = ("Works", "Brothers", "Company", "Workshop", "Factory", "Trading")

MASCOTS: tuple[str, ...] = (
    "Otters", "Falcons", "Badgers", "Wolves", "Herons", "Foxes", "Bears", "Ravens", "Tigers", "Owls",
)  # fmt: skip

FILLERS: tuple[str, ...] = (
    "The weather was mild that week.",
    "Nobody in the valley was surprised.",
    "It had rained for most of the morning.",
    "Many people stopped to take a look.",
    "The local paper wrote a long story about it.",
    "Some of the older people remember it well.",
    "A few children laughed and ran along the road.",
    "The news soon reached the next town.",
    "There was very little wind in the evening.",
    "Everyone agreed that it was a good year.",
    "The neighbors talked about it for days.",
    "A long winter had just come to an end.",
    "The shops stayed open until late.",
    "Most visitors came by train.",
    "It was a quiet time of the year.",
    "Things had been different in the past.",
    "Not much has changed since then.",
    "The road to the coast was closed at the time.",
    "People still tell stories about it.",
    "No one could say exactly how it began.",
)


def is_held_out(first: int, second: int) -> bool:
    """Whether a pair of name positions belongs to the toy sets; the corpus never uses such a pair."""
    return (7 * first + 3 * second) % 8 == 0


def pick_pair(rng: Random, first: tuple[str, ...], second: tuple[str, ...], held_out: bool) -> tuple[str, str]:
    """Draw one word of each list, only from pairs on the asked side of the split."""
    while True:
        i, j = rng.randrange(len(first)), rng.randrange(len(second))
        if is_held_out(i, j) == held_out:
            return first[i], second[j]
