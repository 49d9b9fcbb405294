"""The records of the RAG toy set: passages of ours about made-up places, with answers that keep to them and
answers in which one thing was planted. Each round of four passages plants every kind once."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """A question about a passage. `planted` differs from `faithful` by one hallucination of that kind."""

    kind: str
    question: str
    faithful: str
    planted: str


class Passage(NamedTuple):
    name: str
    contexts: tuple[str, ...]
    cases: tuple[Case, ...]


FIRST_ROUNDS: tuple[Passage, ...] = (
    Passage(
        "lighthouse",
        (
            "The lighthouse on Skarn Head was finished under the engineer Ida Velland. Its tower is 41 metres high and "
            "has 212 steps. Two keepers lived beside it with their families.",
            "The lamp of Skarn Head burned whale oil at first. It was never lit during the war, since its beam would "
            "have guided raiders. Today an electric lamp turns by itself.",
            "Fishing boats of the coast are painted blue. The harbour at Orrin Bay was deepened to let larger ones in.",
        ),
        (
            Case(
                "number",
                "How tall is the lighthouse on Skarn Head?",
                "The tower of the lighthouse stands 41 metres high, and 212 steps lead up it.",
                "The tower of the lighthouse stands 47 metres high, and 212 steps lead up it.",
            ),
            Case(
                "name",
                "Who was the engineer of the lighthouse?",
                "It was completed under an engineer called Ida Velland.",
                "It was completed under an engineer called Nora Brandt.",
            ),
            Case(
                "negation",
                "Was the lamp lit during the war?",
                "No. The lamp was never lit in the war because the beam would have helped raiders.",
                "Yes. The lamp was lit in the war although the beam would have helped raiders.",
            ),
        ),
    ),
    Passage(
        "brewery",
        (
            "Halden Brewery opened on 3 May 1884 beside the river Tey. Its first master brewer, Karl Ostrow, "
            "had learned "
            "the trade in Lomvik. The copper kettles hold 900 litres each.",
            "In 1921 Halden Brewery bought its rival, the Mill Brewery, which kept its own label. Water comes from a "
            "spring four kilometres away.",
            "The river Tey floods in spring. The council of Lomvik built a dam to protect the lower town.",
        ),
        (
            Case(
                "date",
                "When did Halden Brewery open?",
                "The brewery by the Tey opened on 3 May 1884.",
                "The brewery by the Tey opened on 3 August 1884.",
            ),
            Case(
                "unit",
                "How much does a kettle hold?",
                "Each of the copper kettles has room for 900 litres.",
                "Each of the copper kettles has room for 900 gallons.",
            ),
            Case(
                "entity_swap",
                "Which brewery bought the other?",
                "Halden Brewery bought the Mill Brewery in 1921.",
                "The Mill Brewery bought Halden Brewery in 1921.",
            ),
        ),
    ),
    Passage(
        "orchard",
        (
            "Growers in the Imber valley plant mostly plum trees. Some orchards near the pass also keep a few rows of "
            "pear trees, which ripen late.",
            "A frost in April damaged the blossom in many orchards of the Imber valley. Growers lit small "
            "fires between "
            "the rows to warm the air.",
            "The cooperative of Imber presses juice in a hall beside the station. Members deliver their fruit by cart.",
        ),
        (
            Case(
                "addition",
                "What did growers do against the frost?",
                "They lit small fires between the rows of trees, so that the air got warmer.",
                "They lit small fires between the rows of trees. Helicopters hired by the government blew warm air "
                "over the slopes.",
            ),
            Case(
                "citation",
                "Where does the cooperative press its juice?",
                "The cooperative presses juice in a hall next to the station [3].",
                "The cooperative presses juice in a hall next to the station [5].",
            ),
            Case(
                "generalisation",
                "Do orchards in the valley keep pear trees?",
                "Some orchards near the pass keep a few rows of pears.",
                "All orchards in the valley keep rows of pears.",
            ),
        ),
    ),
    Passage(
        "tram",
        (
            "The number of passengers on the Vesby tram fell after the bridge was closed for repair. The company ran "
            "fewer cars in the evening.",
            "According to the mayor, Lena Aske, the tram should cross the new bridge. The director of the company, Per "
            "Holt, called the plan too expensive.",
            "Repairs on the bridge took longer than planned because the stone for the arches arrived late.",
        ),
        (
            Case(
                "direction",
                "What happened to the number of passengers?",
                "Fewer people took the Vesby tram: the number of passengers fell when the bridge was closed.",
                "More people took the Vesby tram: the number of passengers rose when the bridge was closed.",
            ),
            Case(
                "cause",
                "Why did the repairs take so long?",
                "The repairs of the bridge took longer because stone for its arches came late.",
                "The repairs of the bridge took longer because the workers went on strike.",
            ),
            Case(
                "attribution",
                "Who called the plan too expensive?",
                "Per Holt, who directs the company, called the plan too expensive.",
                "Lena Aske, who is the mayor, called the plan too expensive.",
            ),
            Case(
                "unanswerable",
                "What does a ticket for the Vesby tram cost?",
                "The documents do not say what a ticket costs.",
                "A ticket for the tram costs three crowns.",
            ),
        ),
    ),
    Passage(
        "library",
        (
            "The town library of Marrick holds 64,000 books and 1,300 maps. It stands on the site of an old granary.",
            "Its founder, the teacher Olga Prent, left it her house and her collection of maps. Readers may "
            "not take the "
            "maps home.",
            "The reading room is heated by a tiled stove. A clock from the granary hangs over the door.",
        ),
        (
            Case(
                "number",
                "How many maps does the library hold?",
                "It holds 1300 maps, besides 64,000 books.",
                "It holds 2400 maps, besides 64,000 books.",
            ),
            Case(
                "name",
                "Who founded the library of Marrick?",
                "The library was founded by Olga Prent, who was a teacher.",
                "The library was founded by Martin Sell, who was a teacher.",
            ),
            Case(
                "negation",
                "Can readers take maps home?",
                "Readers are not allowed to take the maps home.",
                "Readers are allowed to take the maps home.",
            ),
        ),
    ),
    Passage(
        "glacier",
        (
            "The survey of the Tolm glacier began in September 1936. Between then and 1990 its tongue drew back by 850 "
            "metres.",
            "The hut below the Tolm glacier was built by the climbing club of Fernau. The club of Sidal later paid for "
            "its new roof.",
            "Meltwater of the glacier turns a small power station. Sheep graze on the meadows in front of it.",
        ),
        (
            Case(
                "date",
                "When did the survey of the glacier begin?",
                "Surveyors began to measure the Tolm glacier in September 1936.",
                "Surveyors began to measure the Tolm glacier in September 1963.",
            ),
            Case(
                "unit",
                "How far did the tongue draw back?",
                "By 1990 the glacier's tongue had drawn back 850 metres.",
                "By 1990 the glacier's tongue had drawn back 850 kilometres.",
            ),
            Case(
                "entity_swap",
                "Which club built the hut?",
                "The club of Fernau built the hut, and the club of Sidal paid for the new roof.",
                "The club of Sidal built the hut, and the club of Fernau paid for the new roof.",
            ),
        ),
    ),
    Passage(
        "clinic",
        (
            "Most patients of the clinic in Arlo come for their eyes. A few are sent there by doctors on the islands.",
            "The clinic of Arlo is open from Monday to Saturday. Its pharmacy closes at noon on Saturday.",
            "A ferry brings patients from the islands twice a day. It does not sail in storms.",
        ),
        (
            Case(
                "addition",
                "When is the clinic open?",
                "The clinic opens from Monday to Saturday, and on Saturday its pharmacy closes at noon.",
                "The clinic opens from Monday to Saturday, and it offers free parking for visitors behind the garden.",
            ),
            Case(
                "citation",
                "How do patients from the islands reach the clinic?",
                "A ferry carries patients over from the islands twice a day [3].",
                "A ferry carries patients over from the islands twice a day [1].",
            ),
            Case(
                "generalisation",
                "Why do patients come to the clinic?",
                "Most of the clinic's patients come because of their eyes.",
                "Every patient of the clinic comes because of the eyes.",
            ),
        ),
    ),
    Passage(
        "wool",
        (
            "The price of wool at the Garsten market rose in autumn. Buyers from abroad took half of it.",
            "The shepherd Anton Rue reported that wolves had come over the ridge. The ranger Mila Dorn "
            "doubted it, for she "
            "had found no tracks.",
            "Shearing began late because heavy rain had soaked the fleeces.",
        ),
        (
            Case(
                "direction",
                "How did the price of wool change?",
                "In autumn the wool price at Garsten went up: it rose.",
                "In autumn the wool price at Garsten went down: it fell.",
            ),
            Case(
                "cause",
                "Why did shearing begin late?",
                "Shearing started late because the fleeces were soaked with heavy rain.",
                "Shearing started late because the shears had been stolen from the barn.",
            ),
            Case(
                "attribution",
                "Who reported wolves?",
                "The shepherd Anton Rue reported wolves from over the ridge.",
                "The ranger Mila Dorn reported wolves from over the ridge.",
            ),
            Case(
                "unanswerable",
                "How many sheep does Anton Rue own?",
                "That cannot be answered from the documents.",
                "Anton Rue owns about two hundred sheep.",
            ),
        ),
    ),
    Passage(
        "observatory",
        (
            "The observatory at Pell Ridge has 3 domes. The largest holds a mirror of 2.4 metres, ground by "
            "Tomas Irgang.",
            "Astronomers at Pell Ridge found seven small moons. None of them has an atmosphere.",
            "The road to the ridge is closed in winter, and supplies come up by cable car.",
        ),
        (
            Case(
                "number",
                "How many moons were found at Pell Ridge?",
                "Seven small moons were found by the astronomers there.",
                "Nine small moons were found by the astronomers there.",
            ),
            Case(
                "name",
                "Who ground the mirror?",
                "Tomas Irgang ground the mirror of the largest dome.",
                "Tomas Wieland ground the mirror of the largest dome.",
            ),
            Case(
                "negation",
                "Do the moons have an atmosphere?",
                "None of the moons that were found has an atmosphere.",
                "The moons that were found have an atmosphere.",
            ),
        ),
    ),
    Passage(
        "canal",
        (
            "Work on the Drava canal started in 1858 and ended in 1865. Barges of up to 120 tonnes can pass its locks.",
            "The engineer Jon Materne planned the locks, and his pupil Greta Solm built the bridges over the canal.",
            "Herons nest along the canal. Anglers pay a small fee to fish there.",
        ),
        (
            Case(
                "date",
                "When was the canal finished?",
                "The work on the canal, begun in 1858, came to its end in 1865.",
                "The work on the canal, begun in 1858, came to its end in 1871.",
            ),
            Case(
                "unit",
                "How heavy may barges be?",
                "Barges of 120 tonnes at most can pass the locks.",
                "Barges of 120 kilograms at most can pass the locks.",
            ),
            Case(
                "entity_swap",
                "Who planned the locks of the canal?",
                "Jon Materne planned the locks, while Greta Solm built the bridges.",
                "Greta Solm planned the locks, while Jon Materne built the bridges.",
            ),
        ),
    ),
    Passage(
        "theatre",
        (
            "The theatre of Lund Square was rebuilt after a fire. Several actors of the old company returned to it.",
            "Tickets for the gallery are sold on the day of the play. Students sometimes get them at half price.",
            "The curtain was painted by a pupil of the academy. It shows the harbour at dawn.",
        ),
        (
            Case(
                "addition",
                "What does the curtain show?",
                "The painted curtain shows the harbour at dawn.",
                "The painted curtain shows the harbour at dawn. It won a prize at an exhibition in Vienna.",
            ),
            Case(
                "citation",
                "When are gallery tickets sold?",
                "Gallery tickets are sold on the day of the play [2].",
                "Gallery tickets are sold on the day of the play [7].",
            ),
            Case(
                "generalisation",
                "Do students get tickets at half price?",
                "Students sometimes get gallery tickets at half price.",
                "Students always get gallery tickets at half price.",
            ),
        ),
    ),
    Passage(
        "mine",
        (
            "Output of the Brenn mine increased when the second shaft was opened. Fewer accidents were "
            "counted than before.",
            "The inspector, Ruth Amsel, praised the new lamps. The foreman, Dirk Pohl, complained about the damp air.",
            "The lower gallery was given up because water kept breaking in.",
        ),
        (
            Case(
                "direction",
                "How did output of the mine develop?",
                "When the second shaft opened, the mine's output increased.",
                "When the second shaft opened, the mine's output decreased.",
            ),
            Case(
                "cause",
                "Why was the lower gallery given up?",
                "The lower gallery was given up because water kept breaking into it.",
                "The lower gallery was given up because the ore was exhausted.",
            ),
            Case(
                "attribution",
                "Who complained about the air?",
                "The foreman Dirk Pohl complained that the air was damp.",
                "The inspector Ruth Amsel complained that the air was damp.",
            ),
            Case(
                "unanswerable",
                "Which ore is dug in the Brenn mine?",
                "The documents do not mention which ore is dug.",
                "The mine produces copper ore for the mint.",
            ),
        ),
    ),
)
