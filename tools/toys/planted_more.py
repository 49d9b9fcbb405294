"""The other half of the RAG toy set's passages (see planted_records)."""

from __future__ import annotations

from tools.toys.planted_records import Case, Passage

MORE_ROUNDS: tuple[Passage, ...] = (
    Passage(
        "bridge",
        (
            "The suspension bridge at Calder Gorge spans 318 metres. Traffic pays a toll of 4 crowns on the "
            "eastern side.",
            "Henrik Faber designed the cables of the bridge. Lorries are not permitted on it while the wind "
            "blows hard.",
            "A path leads down into the gorge. Mosses that are rare elsewhere grow on its walls.",
        ),
        (
            Case(
                "number",
                "What is the toll on the bridge?",
                "On the eastern side, drivers pay 4 crowns.",
                "On the eastern side, drivers pay 12 crowns.",
            ),
            Case(
                "name",
                "Who designed the cables?",
                "The bridge's cables were designed by Henrik Faber.",
                "The bridge's cables were designed by Astrid Loew.",
            ),
            Case(
                "negation",
                "May lorries cross in a strong wind?",
                "Lorries may not cross the bridge while a hard wind blows.",
                "Lorries may cross the bridge while a hard wind blows.",
            ),
            Case(
                "conflation",
                "How far does the bridge span?",
                "The bridge over Calder Gorge spans 318 metres.",
                "The bridge over Calder Gorge spans 4 metres.",
            ),
        ),
    ),
    Passage(
        "regatta",
        (
            "The regatta of Sunde is held on the second Sunday of June. Its course is 18 nautical miles long.",
            "Last year the crew of Vik beat the crew of Naes by two minutes. The cup is kept in the town hall "
            "of Sunde.",
            "Bakers sell salted rings on the quay. A band plays until midnight.",
        ),
        (
            Case(
                "date",
                "When is the regatta held?",
                "The regatta takes place on the second Sunday in June.",
                "The regatta takes place on the second Sunday in July.",
            ),
            Case(
                "unit",
                "How long is the course?",
                "The boats sail a course of 18 nautical miles.",
                "The boats sail a course of 18 kilometres.",
            ),
            Case(
                "entity_swap",
                "Which crew won last year?",
                "Last year the Vik crew beat the Naes crew by two minutes.",
                "Last year the Naes crew beat the Vik crew by two minutes.",
            ),
            Case(
                "conflation",
                "By how much was Naes beaten?",
                "The crew of Naes was beaten by two minutes.",
                "The crew of Naes was beaten by 18 minutes.",
            ),
        ),
    ),
    Passage(
        "school",
        (
            "Several classes of the village school in Tarn spend a week in the forest. They often sleep in tents.",
            "Lessons in Tarn begin at eight. The school bus leaves the upper farms at a quarter past seven.",
            "The gymnasium was a barn once. Its floor is of larch wood.",
        ),
        (
            Case(
                "addition",
                "When do lessons begin?",
                "Lessons in Tarn begin at eight, and the bus leaves the upper farms at a quarter past seven.",
                "Lessons in Tarn begin at eight, and pupils receive a warm breakfast paid for by the bishop.",
            ),
            Case(
                "citation",
                "What was the gymnasium before?",
                "The gymnasium used to be a barn [3].",
                "The gymnasium used to be a barn [2].",
            ),
            Case(
                "generalisation",
                "Do classes go to the forest?",
                "Several of the school's classes spend a week in the forest.",
                "All of the school's classes spend a week in the forest.",
            ),
        ),
    ),
    Passage(
        "bees",
        (
            "The colonies of beekeepers around Mohl shrank last winter. Honey became more expensive in the shops.",
            "The biologist Eva Tarnow blamed mites. The beekeeper Otto Lindt blamed the spraying of fields.",
            "Swarms left their hives early because the spring was warm.",
        ),
        (
            Case(
                "direction",
                "How did the price of honey change?",
                "Honey became more expensive in shops.",
                "Honey became cheaper in shops.",
            ),
            Case(
                "cause",
                "Why did swarms leave early?",
                "The swarms left early because spring was warm.",
                "The swarms left early because bears had broken the hives.",
            ),
            Case(
                "attribution",
                "Who blamed mites?",
                "Eva Tarnow, the biologist, put the blame on mites.",
                "Otto Lindt, the beekeeper, put the blame on mites.",
            ),
            Case(
                "unanswerable",
                "How many beekeepers live around Mohl?",
                "There is no information about that in the documents.",
                "Around Mohl there are fifty beekeepers.",
            ),
        ),
    ),
    Passage(
        "museum",
        (
            "The museum of clocks in Rastel shows 480 pieces on two floors. The oldest was made for a monastery.",
            "Its curator, Felix Amrein, repairs the clocks himself. The tower clock has not struck since the "
            "earthquake.",
            "A café in the courtyard serves plum cake. It is run by the curator's sister.",
        ),
        (
            Case(
                "number",
                "How many clocks are on show?",
                "On its two floors the museum shows 480 pieces.",
                "On its two floors the museum shows 840 pieces.",
            ),
            Case(
                "name",
                "Who repairs the clocks?",
                "The clocks are repaired by the curator, Felix Amrein.",
                "The clocks are repaired by the curator, Lukas Behr.",
            ),
            Case(
                "negation",
                "Does the tower clock strike?",
                "Since the earthquake the tower clock has not struck.",
                "Since the earthquake the tower clock has struck every hour.",
            ),
            Case(
                "conflation",
                "How many pieces does the museum show?",
                "The museum in Rastel shows 480 pieces.",
                "The museum in Rastel shows two pieces.",
            ),
        ),
    ),
    Passage(
        "railway",
        (
            "The mountain railway to Hohn was opened in the summer of 1911. It climbs 1,240 metres over 14 kilometres.",
            "Steam engines from the Kessel works pulled the first trains. The Brand works delivered the carriages.",
            "In the station of Hohn there is a small inn. Hikers leave their skis there in spring.",
        ),
        (
            Case(
                "date",
                "When did the railway open?",
                "The railway up to Hohn opened in summer 1911.",
                "The railway up to Hohn opened in summer 1919.",
            ),
            Case(
                "unit",
                "How long is the line?",
                "The line is 14 kilometres long and climbs 1,240 metres.",
                "The line is 14 miles long and climbs 1,240 metres.",
            ),
            Case(
                "entity_swap",
                "Who delivered the carriages?",
                "The carriages came from the Brand works, the steam engines from the Kessel works.",
                "The carriages came from the Kessel works, the steam engines from the Brand works.",
            ),
            Case(
                "conflation",
                "How far does the railway climb?",
                "The railway up to Hohn climbs 1,240 metres.",
                "The railway up to Hohn climbs 1,911 metres.",
            ),
        ),
    ),
    Passage(
        "pottery",
        (
            "Potters in Eld fire their jars with beech wood. Many of them dig the clay on their own land.",
            "The glaze of Eld turns green from copper. A jar dries for ten days before it is fired.",
            "Twice a year potters meet at a fair. Old kilns can be seen behind the church.",
        ),
        (
            Case(
                "addition",
                "How long does a jar dry?",
                "Before it is fired, a jar dries for ten days.",
                "Before it is fired, a jar dries for ten days. The royal family orders its dinner plates from these "
                "workshops.",
            ),
            Case(
                "citation",
                "Where can old kilns be seen?",
                "Behind the church there are old kilns to be seen [3].",
                "Behind the church there are old kilns to be seen [9].",
            ),
            Case(
                "generalisation",
                "Do potters dig their own clay?",
                "Many of the potters dig clay on land of their own.",
                "All of the potters dig clay on land of their own.",
            ),
        ),
    ),
    Passage(
        "river",
        (
            "The water level of the Onda dropped in the dry summer. Ferries carried smaller loads.",
            "The fisherman Ilan Grau saw salmon below the weir. The warden Petra Noll saw only trout.",
            "A warning was given because algae had spread in the lower reaches.",
        ),
        (
            Case(
                "direction",
                "What happened to the water level?",
                "During the dry summer the Onda's water level dropped.",
                "During the dry summer the Onda's water level climbed.",
            ),
            Case(
                "cause",
                "Why was a warning given?",
                "People were warned because algae had spread in the lower reaches.",
                "People were warned because a tanker had leaked in the lower reaches.",
            ),
            Case(
                "attribution",
                "Who saw salmon?",
                "Below the weir, the fisherman Ilan Grau saw salmon.",
                "Below the weir, the warden Petra Noll saw salmon.",
            ),
            Case(
                "unanswerable",
                "How long is the Onda?",
                "The contexts give no length for the river.",
                "The Onda is roughly ninety kilometres long.",
            ),
        ),
    ),
    Passage(
        "choir",
        (
            "The choir of Sankt Maren has 58 members and sings in 5 languages. It was founded by the cantor "
            "Paul Reder.",
            "Members do not pay a fee. Every autumn the choir travels to a festival abroad.",
            "The church has an organ with two manuals. Its bellows were once worked by foot.",
        ),
        (
            Case(
                "number",
                "In how many languages does the choir sing?",
                "Its 58 members sing in five languages.",
                "Its 58 members sing in eight languages.",
            ),
            Case(
                "name",
                "Which cantor founded the choir?",
                "Paul Reder, a cantor, was the choir's founder.",
                "Simon Quist, a cantor, was the choir's founder.",
            ),
            Case(
                "negation",
                "Do members pay a fee?",
                "Members of the choir don't pay any fee.",
                "Members of the choir have to pay a fee.",
            ),
            Case(
                "conflation",
                "How many members does the choir have?",
                "There are 58 members in the choir.",
                "There are 5 members in the choir.",
            ),
        ),
    ),
    Passage(
        "island",
        (
            "The island of Grey Holm was bought by the state on 12 October 1954. Its area is 36 hectares.",
            "The botanist Signe Rask counted the plants, and the painter Bo Falk drew them for a book.",
            "No cars are allowed on the island. Seals rest on the southern rocks.",
        ),
        (
            Case(
                "date",
                "When did the state buy Grey Holm?",
                "Grey Holm was bought by the state on 12 October 1954.",
                "Grey Holm was bought by the state on 21 October 1954.",
            ),
            Case(
                "unit",
                "How large is the island?",
                "The island has an area of 36 hectares.",
                "The island has an area of 36 square kilometres.",
            ),
            Case(
                "entity_swap",
                "Who drew the plants?",
                "Signe Rask counted the plants and Bo Falk drew them.",
                "Bo Falk counted the plants and Signe Rask drew them.",
            ),
            Case(
                "conflation",
                "What is the area of Grey Holm?",
                "Grey Holm has an area of 36 hectares.",
                "Grey Holm has an area of 12 hectares.",
            ),
        ),
    ),
    Passage(
        "market",
        (
            "Some stalls of the night market in Quay Street sell smoked fish. Others sell lamps and baskets.",
            "The market opens at six in the evening. Musicians may play near the fountain.",
            "Rain is drained through a channel under the stones. It was dug by hand.",
        ),
        (
            Case(
                "addition",
                "Where may musicians play?",
                "Musicians may play close to the fountain.",
                "Musicians may play close to the fountain, provided they hold a licence from the police office.",
            ),
            Case(
                "citation",
                "When does the market open?",
                "The market opens at six in the evening [2].",
                "The market opens at six in the evening [3].",
            ),
            Case(
                "generalisation",
                "What do the stalls sell?",
                "Some of the stalls sell smoked fish.",
                "Every one of the stalls sells smoked fish.",
            ),
        ),
    ),
)
