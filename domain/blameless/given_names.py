"""Given names from many countries, so that a person is known at the start of a sentence too. Read by `people.py`.

Names that are words or well-known programs as well (Mark, Grace, Ruby, Cassandra, Travis …) are left out here; they
count as people only when what follows is something that only people do.
"""

GIVEN_NAMES = frozenset(
    """
    aaron abdul abdullah abena abigail adaeze adam adebayo adele aditi aditya adnan adrian agnes agnieszka agustín
    ahmad ahmed ahmet aiden aiko aileen aino aisha aisling ajay akash akiko akira akua alain alan alba albert
    alejandra alejandro aleksandar aleksandra alessandra alessandro alessia alex alexander alexandra alexei alexis
    alfred ali alice alicia alina alison alistair aliya aloysius amal amanda amara amelia amina amir amira amit amy
    ana ananya anastasia anaïs anders andre andrea andreas andrei andrew andrzej andré andy angela angelo anil anita
    anja anjali anke ann anna annabel annalena anne annegret annette annika annina anouk ansel antje antoine anton
    antonella antonia antonio antónio anwar anya aoife ariana arjen arjun armando arne arno arnold arthur arturo
    arun aryan asha ashley ashok ashraf asif aslan astrid asya audrey augusto aurelie aurora ava axel ayesha aylin
    ayumi azadeh babak balazs barbara barbora barış bastian beata beatrice ben benedict benedikt benjamin benoit
    benoît bente bernadette bernard bernardo bernd bertrand beth bettina bhavna bianca bilal bill birgit bjarne
    bjorn björn bjørn bob bogdan bohdan boris bradley brandon brecht brenda brent brian bridget brigitte britta
    bruna bruno burak børge caitlin callum camila camille cansu carina carl carla carlos carmen carol carolina
    caroline carsten casper catalina cathal catherine catrin cecile cecilia celine chandra chantal charlene charles
    charlie charlotte chen chiamaka chiara chidi chinedu chioma chloe chloë chris christa christelle christian
    christina christine christoph christopher chun chunhua ciara claire clara claude claudia claudio clemens colette
    colin connor conor cordula corinna cormac cornelia cosmin cristina cynthia cécile daiki daisy damian damien dan
    dana daniel daniela danielle danuta daria dario darius dariusz darko darren dave david deborah deepa deepak
    deirdre delphine denis denise deniz dennis derek desmond devi dhruv diana diarmuid didier diego dieter dilip
    dimitri dimitris dina dirk djamila dmitri dmitry dolores dominic dominik dominika dominique donald donna donovan
    dora dorota dorothea dorothy doug douglas duncan dusan dušan dylan eamonn ebony ebru edgar edith edmund eduard
    eduardo edward edwin efua eileen eilidh einar ekaterina eleanor elena eleni eleonora eli elias elif elin elisa
    elisabeth eliza elizabeth elke ella ellen ellie elmar elodie eloise elsa elvira emanuel emeka emil emilia emily
    emine emma emmanuel emre enrico enrique ercan eric erik erika erin esra esther ethan etienne eugene eunice eva
    evelyn ewa ewan fabian fabien fabio fabiola fabrice faisal farah farid farida farouk fatima federica federico
    felix ferdinand fergus fernando filip filippo finn fintan fiona florence florian florin frances francesca
    francesco francis francisco frank franz françois fraser fred freddie frederic frederik freya friedrich fumiko
    gabriel gabriela gael gareth gary gaurav gavin gaël geert gemma genevieve geoff geoffrey georg george georgia
    georgios gerald gerard gerd gerda gerhard gert gianluca gilles gina giorgio giorgos giovanni gisela giulia
    giuseppe gloria gonzalo goran gordon gosia gottfried grainne greg gregory greta grzegorz guido guillaume gunnar
    gunther gustav gustavo gwen gökhan göran günther habib hakan hamid hamza hana hannah hanneke hannes hans harold
    harriet harry haruka haruki hasan hassan hatice heather hector hedda hedwig heidi heike heiko heinz helen helena
    helene helga helmut hendrik henning henrik henry hermann hilde hina hiroshi hoang holger hristo hrvoje hugh hugo
    hyun håkan héctor hélène ian ibrahim ida ifeoma ignacio igor ikenna ikram ilaria ildiko ilse ilya imani imran
    inaki indira ines inga ingeborg ingrid inês ioana ioannis iqbal irena irene irina isaac isabel isabella isha
    ismail istvan ivan ivana iveta ivo iván izabela jacek jacinta jack jackie jacob jacqueline jaime jake jakob
    jakub jamal james jamie jamila jan jana jane janek janet janice janina janine jared jaroslav jasmin jasmina
    jason jasper javed javier jayden jean jeanne jeff jeffrey jelena jennifer jens jeremy jeroen jerome jerzy jesse
    jessica jessie jessika jiho jill jim jitka jiří joachim joan joanna joao joaquin jochen joel johan johanna john
    johnny jon jonas jonathan joost jordan jorg jorge joris jose josef josefine joseph josh joshua josip josé joyce
    joão juan juanita judith judy juergen julian juliana julie julien juliette julio jun jurgen justyna jutta jérôme
    jörg jörgen jürgen kaan kacper kai kaito kamal kaori karen karim karin karl karolina karsten kasia kaspar
    katarina kate kateryna katharina katherine kathleen kathrin kathy katie katja katrin katrina katsumi kavya
    kazuki keiko keith kelechi kelly kemal ken kenji kenneth kerry kerstin kevin khadija khalid killian kim kinga
    kiran kirsten kirsty kjell klara klaus knut kofi kojo konstantin krishna kristian kristin kristina kristine
    krzysztof ksenia kumar kunal kurt kurtis kwabena kwame kyle käthe lakshmi lamar lanre larissa lars larysa laszlo
    latoya laura lauren laurence laurent layla lazar lea leah leandro leif leigh leila lena lenka lennart leo leon
    leonard leonardo leonid leonie leopold lesley leszek leticia levent li liam liana libby lidia liesbeth lilian
    liliana lily lin lina linda linnea linus lionel lisa lisbeth liu liz ljubica lloyd lorena lorenzo lorna lothar
    louis louisa louise luan luc luca lucas lucia luciano lucy ludmila luigi luis luisa luka lukas lukasz luke lukáš
    lutz lydia lyudmila léa maarten maciej maeve magda magdalena magnus mahmoud maike maja maksim malcolm malgorzata
    malik mandy manfred manish manoj manon manuel marc marcel marcelo marcin marco marcos marcus mareike marek
    margaret margarita margit margot maria mariam marian mariana marianne mariano marie marija marijke marina mario
    marion marius marián marjan marjolein marko markus marlene marlies marta martha martin martina marvin mary maría
    masako mateo mathias mathieu mathilde matilda mats matt matteo matthew matthias matthijs maura maureen maurice
    mauricio maurizio maxim maxime maximilian mayumi meera mehdi mehmet mei meike melanie melina melinda melissa
    merete meryem mette mhairi mia micah michael michaela michal michał michel michela michele micheline michelle
    mieke miguel mihai mika mikael mike mikhail mila milan milica milos miloš min minh mireille mirela miriam mirjam
    mirko miroslav mitsuko mladen mohamed mohammad mohammed mohan moira monica monika morgan moritz muhammad mukesh
    murat mustafa myriam mårten mónica nabil nadia nadine nadja naoki naoko naomi narges nasreen natalia natalie
    natasa natasha nataša nathalie nathan navid nayeli nazanin neelam neha neil nele nenad nerea ngozi nguyen niamh
    nicholas nick nicola nicolai nicolas nicole niels nikhil nikita niklas niko nikola nikolai nikolas nils nina
    nino nisha nishant nnamdi noah noel noemi nora norbert noura noël nuno nuria obinna odile oisin oksana olabisi
    olaf oleg olena olga oliver olivia olivier olumide omar omari ondrej ondřej onyeka oonagh orla osama oscar osman
    otto ousmane owen pablo padraig paloma pamela pankaj paola pasquale patricia patrick patrik paul paula pauline
    paulo pavel pawel paweł pedram pedro pelle petar peter petr petra petros phil philip philipp pia pierre pieter
    pietro pilar piotr pooja poonam pradeep prakash pranav pratik preeti priya quang quentin rabia rachel radek
    radoslav rafael rafal rafel rahul raimund rainer raj rajesh ralf ralph ramesh ramiro ramon ramona rana rania
    raphael raquel rashid rashida rasmus raul ravi raymond razvan raúl rebecca reema regina reiner reinhard rekha
    renata renate renaud rene rené reza rhiannon rhys ricardo riccardo richa richard riku rishi rita ritesh riya rob
    robert roberto robin rodolfo rodrigo roger rohan rohit roisin roland rolf romain roman romana romina ron ronald
    ronan ronja rosa rosalind rosario roxana ruben rudi rudolf rukmini rupert ruth ryan ryo saad sabine sabrina
    sadia safiya sakura salim sally salma salvatore sam samantha samir samira samuel sanae sandeep sandra sandro
    sanja sanjay sanna santiago saoirse sara sarah sarita sascha sasha satoshi saurabh saša scott seamus sean
    sebastian selin selina selma senthil seren serena serge sergei sergio serhii seun severin shanice shanthi sharon
    shaun shauna sheila shinji shira shirin shiv shona shreya shruti siamak sibel sibylle siegfried sigrid silke
    silvana silvia silvio simon simone simran sinead siobhan sixten slavica slawomir smita snezana sofia sofía sonia
    sophia sophie soraya soren sorin soumya stanislav stefan stefania stefano steffen steffi stelios stella stephan
    stephanie stephen steve steven stig stina stuart stéphane subhash sudha sujata sukhdeep sumit sunil sunita suraj
    suresh surya susan susanne sushma suzanne sven svenja svetlana swati sybille sylvain sylvester sylvia sylvie
    szymon söder søren tadeusz tahir takashi takeshi takumi talia tamara tania tanja tanvi tara tarek tariq tatiana
    tatjana teresa tereza terrence tess thabo thandiwe thanh theo theodor theodora theresa thibault thierry thijs
    thilo thomas thorsten thérèse tim timo timothy timur tina tiziana tobi tobias todd tom tomas tomasz tomislav
    tomoko tomás tomáš tony torben torsten toshiro tracy trevor trine tristan tuan tuomas tyler tyrone udo ulf
    ulrich ulrike umar umberto ursel ursula usha uta utkarsh uwe vaclav valentina valeria valerie valerio vandana
    vanessa varun vasile vasilis vedran veerle venkat vera verena veronica verónica vibeke vicente victor victoria
    vidya vijay vikram viktor vinay vincent vineet viola violeta virginia virginie vishal vivek vivian vlad vladimir
    vladislav vojtech volker volodymyr waldemar waleed walter wanda wang warren wassim wei wendy werner wiebke wies
    wiktor wiktoria wilhelm william wim winston wladimir wolfgang wouter xavier xiang xiaoming xiomara yaa yahya yan
    yannick yannis yao yara yasin yasir yasmin yasmine yasuo yaw yetunde yoko yolanda yolande yosef youssef yuki
    yulia yuri yusuf yuto yvette yvonne zachary zahra zain zainab zbigniew zdenek zdeněk zeinab zeynep zhang zlatan
    zoe zofia zoltan zoran zoë zuzana ángel åsa çağlar éric étienne özlem ørjan øyvind ümit đorđe łukasz şule štěpán
    željko
    """.split()  # noqa: SIM905 - a list of a thousand lines says no more
)
