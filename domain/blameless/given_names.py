"""Given names from many countries, so that a person is known at the start of a sentence too. Read by `people.py`.

Names that are words or well-known programs as well (Mark, Grace, Ruby, Cassandra, Travis …) are left out here; they
count as people only when what follows is something that only people do.
"""

GIVEN_NAMES = frozenset(
    """
    aaron abdul abdullah abigail adam adele aditi aditya adnan adrian agnes ahmad ahmed aiden aiko aisha ajay akira
    alan albert alejandra alejandro alex alexander alexandra alexei alexis alfred ali alice alicia alina alison
    alistair amanda amara amelia amina amir amit amy ana anastasia anders andre andrea andreas andrei andrew andy
    angela angelo anil anita anja anjali ann anna anne annika anton antonia antonio anya arjun arnold arthur arun asha
    ashley astrid audrey aurora ava axel ayesha barbara bastian beatrice ben benjamin bernard bernd beth bianca bill
    bjorn bob boris brandon brenda brian bruno camila camille carl carla carlos carmen carol carolina caroline
    catherine cecilia charles charlie charlotte chen chiara chloe chris christian christina christine christopher
    claire clara claudia colin connor cristina cynthia daisy damian dan dana daniel daniela danielle dario dave david
    deborah deepa deepak denis dennis derek diana diego dieter dimitri dina dirk dmitri dmitry dominik donald donna
    dorothy doug douglas dylan edgar eduardo edward elena eleni eli elias elif elisa elisabeth elizabeth ella ellen
    ellie elsa emanuel emil emilia emily emma emre enrico eric erik erika erin ethan eugene eva evelyn fabian farah
    fatima felix fernando finn fiona florian frances francesca francesco francis francisco frank franz fred freya
    friedrich gabriel gabriela gareth gary george georgia gerald gerard gina giorgio giovanni giulia gloria gonzalo
    gordon greg gregory greta guido gustav hana hannah hans harold harriet harry hassan heather hector heidi heinz
    helen helena helga helmut henrik henry hiroshi holger hugo ian ibrahim ida igor ilse imran ines inga ingrid irene
    irina isaac isabel isabella ismail ivan ivana jack jacob jaime jake james jamie jan jana jane janet janice jason
    javier jean jeff jeffrey jennifer jens jeremy jerome jesse jessica jessie jill jim joachim joan joanna joao joel
    johan johanna john johnny jon jonas jonathan jordan jorge jose josef joseph josh joshua juan juergen julian
    juliana julie julien juliette jun kai kamal karen karim karin karl karolina katarina kate katherine kathleen
    kathrin katja katie kavya keiko keith kelly ken kenji kenneth kevin khalid kim kiran klaus kofi konstantin kristin
    kristina krzysztof kumar kurt kwame kyle lars laura lauren laurent layla lea leah leila lena leo leon leonard leonie
    leticia li liam lidia lily lin linda lisa liu liz lorena lorenzo louis louise lucas lucia lucy luis luisa lukas
    luke lydia maciej magda magdalena malik mandy manuel marc marcel marcin marco marcos marcus margaret maria marian
    marie mario marion marta martha martin martina marvin mary masako mateo mathias matt matteo matthew matthias
    maureen maurice mei melanie melissa mia michael michaela michal michel michelle miguel mihai mika mike mikhail
    mila milan min miriam mohamed mohammad mohammed moira monica monika morgan muhammad mustafa nadia naomi natalia
    natalie natasha nathan neha neil nicholas nick nicola nicolas nicole niklas nikita nikolai nina noah nora norbert
    olaf oleg olga oliver olivia omar oscar otto pablo pamela paola patricia patrick paul paula paulo pavel pedro
    peter petra philip philipp pierre pooja priya rachel rafael raj rajesh rahul ralf ralph ramon rana raquel rashid
    ravi raymond rebecca regina rene renata ricardo richard rita rob robert roberto robin rodrigo roger rohan roland
    roman romina ron ronald rosa ruth ryan sabine sally salma sam samantha samir samuel sandra sandro sanjay santiago
    sara sarah sascha scott sean sebastian selma sergei sergio shanice sharon shreya sibel silvia simon simone sofia
    sonia sophia sophie stefan stefania stella stephan stephanie stephen steve steven stuart sunil suresh susan
    susanne suzanne sven svetlana sylvia takashi tamara tania tanja tara tatiana teresa theo theresa thomas thorsten
    tim timo timothy tina tobias todd tom tomas tony tracy tyler ulrich ursula uwe valentina valeria vanessa vera
    veronica victor victoria vijay vikram viktor vincent viola virginia vivian vladimir walter wanda wang wei wendy
    werner wilhelm william wolfgang xavier yan yara yasmin yasmine yoko yolanda yuki yuri yusuf yvonne zahra zainab
    zeynep zhang zoe zofia
    """.split()  # noqa: SIM905 - a list of five hundred lines says no more
)
