"""Given and family names for invented customers, with how each is written in an address.

`Юлія=yuliia`: as it is written, and in Latin letters. `Novák|Nováková`: his form and hers.
`_` stands for a blank within a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one culture, blank-separated."""

    women: str
    men: str
    families: str
    family_first: bool = False
    joint: str = " "
    """What stands between the two names."""


NAMES: Mapping[str, Names] = MappingProxyType(
    {
        "english": Names(
            "Olivia Grace Hannah Emily Charlotte Megan Sophie Claire Rebecca Naomi Heather Joan",
            "James Oliver Daniel Thomas Samuel Adam Peter Luke Martin Callum Neil Harvey",
            "Carter Bennett Walsh Hughes Ellis Foster Grant Holmes Lawson Mercer Norris Palmer"
            " Reid Shaw Turner Webb O'Brien Fletcher Barnes Whitfield",
        ),
        "spanish": Names(
            "Lucía Marta Elena Carmen Sofía Valentina Ximena Pilar Inés Rocío",
            "Javier Diego Mateo Andrés Sergio Álvaro Joaquín Emilio Raúl Iván",
            "García Núñez Herrera Ortega Castillo Domínguez Peña Ibáñez Vargas Salazar Molina"
            " Quintero Cordero Rivas Ledesma Ochoa Figueroa Montoya Zamora Aguirre",
        ),
        "french": Names(
            "Camille Élodie Chloé Manon Juliette Océane Hélène Margaux Anaïs Zoé",
            "Julien Mathieu Hugo Théo Étienne Benoît François Rémi Loïc Gaël",
            "Lefèvre Moreau Girard Rousseau Chevalier Gauthier Perrin Clément Marchand Dufour"
            " Blanchet Lacroix Besson Delorme Vasseur Tremblay Gagné Bélanger Côté Pelletier",
        ),
        "german": Names(
            "Anna Katharina Sabine Jana Franziska Ulrike Lena Miriam Heike Käthe",
            "Jürgen Tobias Lukas Stefan Matthias Björn Florian Götz Hannes Uwe",
            "Müller Schäfer Krüger Weiß Hoffmann Böhm Lindner Vogt Seidel Großmann Brandt"
            " Kühn Pfeiffer Jäger Winkler Strauß Egger Zürcher Amstutz Gruber",
        ),
        "italian": Names(
            "Giulia Chiara Francesca Martina Alessia Ilaria Noemi Silvia Beatrice Greta",
            "Marco Luca Matteo Andrea Davide Simone Niccolò Lorenzo Fabio Enrico",
            "Rossi Ferrari Bianchi Ricci Moretti Galli Conti De_Luca Mancini Barbieri Fontana"
            " Rinaldi Caruso Ferrara Lombardi Martinelli Testa Serra Vitale D'Angelo",
        ),
        "portuguese": Names(
            "Beatriz Inês Mariana Catarina Luísa Larissa Fernanda Camila Letícia Raquel",
            "João Tiago Gonçalo Rafael Bruno Thiago Leandro Vinícius Caio Nuno",
            "Silva Araújo Ferreira Magalhães Conceição Teixeira Ribeiro Carvalho Brandão"
            " Guimarães Nogueira Barros Pacheco Moura Coelho Sequeira Lourenço Assunção Prado"
            " Falcão",
        ),
        "dutch": Names(
            "Sanne Femke Lotte Anouk Marieke Eline Fleur Iris Maaike Renée",
            "Daan Jeroen Bram Thijs Sander Ruben Wouter Joris Stijn Koen",
            "de_Vries Jansen van_den_Berg Bakker Visser Mulder Dekker Vermeulen Claes Peeters"
            " Hendriks van_Dijk Smeets Kuipers Maes Willems Bosman Hoekstra Aerts Goossens",
        ),
        "nordic": Names(
            "Astrid Ingrid Maja Sigrid Linnéa Karin Åsa Solveig Freja Signe",
            "Lars Søren Erik Bjørn Anders Håkon Nils Magnus Jørgen Göran",
            "Andersen Lindqvist Østergaard Bergström Hansen Nygård Sjöberg Dahl Holm Ekström"
            " Kjær Lund Solberg Åkesson Mortensen Hedlund Bakken Rask Strand Öberg",
        ),
        "finnish": Names(
            "Aino Kaisa Helmi Päivi Satu Marjo Saara Tuulikki Venla Hilla",
            "Jussi Mikko Antti Väinö Eero Ilkka Timo Pekka Olli Jyrki",
            "Korhonen Virtanen Mäkinen Nieminen Hämäläinen Laine Heikkinen Koskinen Järvinen"
            " Lehtonen Saarinen Salmi Niemi Kärkkäinen Rantanen Pitkänen Väisänen Ahonen Ojala"
            " Hietala",
        ),
        "polish": Names(
            "Agnieszka Katarzyna Zofia Małgorzata Wanda Łucja Joanna Ewa Kinga Halina",
            "Paweł Krzysztof Łukasz Tomasz Michał Grzegorz Wojciech Marek Stanisław Rafał",
            "Nowak Wójcik Mazur Krawczyk Zając Król Wróbel Dudek Pawlak Michalak Stępień Sikora"
            " Bąk Szczepaniak Kołodziej Gołąb Żak Kaźmierczak Woźniak Szymczak",
        ),
        "czech": Names(
            "Tereza Markéta Kateřina Lucie Zuzana Barbora Alžběta Hana Petra Ivana",
            "Jiří Tomáš Ondřej Petr Václav Radek Matěj Luboš Zdeněk Štěpán",
            "Novák|Nováková Dvořák|Dvořáková Procházka|Procházková Kučera|Kučerová"
            " Růžička|Růžičková Beneš|Benešová Fiala|Fialová Šimek|Šimková Pospíšil|Pospíšilová"
            " Bláha|Bláhová Kříž|Křížová Vaněk|Vaňková",
        ),
        "greek": Names(
            "Ελένη=eleni Μαρία=maria Κατερίνα=katerina Σοφία=sofia Δέσποινα=despina Άννα=anna"
            " Ιωάννα=ioanna Χρυσούλα=chrysoula",
            "Γιώργος=giorgos Νίκος=nikos Δημήτρης=dimitris Κώστας=kostas Παναγιώτης=panagiotis"
            " Στέλιος=stelios Μανώλης=manolis Θανάσης=thanasis",
            "Παπαδάκης=papadakis|Παπαδάκη=papadaki Βλάχος=vlachos|Βλάχου=vlachou"
            " Οικονόμου=oikonomou Γεωργίου=georgiou Μακρής=makris|Μακρή=makri"
            " Σαμαράς=samaras|Σαμαρά=samara Αντωνίου=antoniou Ιωαννίδης=ioannidis|Ιωαννίδου=ioannidou"
            " Νικολάου=nikolaou Ζαφειρίου=zafeiriou",
        ),
        "ukrainian": Names(
            "Юлія=yuliia Оксана=oksana Наталія=nataliia Ірина=iryna Катерина=kateryna"
            " Соломія=solomiia Олена=olena Людмила=liudmyla",
            "Андрій=andrii Тарас=taras Олексій=oleksii Богдан=bohdan Василь=vasyl Ярослав=yaroslav"
            " Микола=mykola Дмитро=dmytro",
            "Шевченко=shevchenko Коваленко=kovalenko Бондаренко=bondarenko Ткаченко=tkachenko"
            " Кравчук=kravchuk Мельник=melnyk Поліщук=polishchuk Гончар=honchar Дяченко=diachenko"
            " Савчук=savchuk Лисенко=lysenko Гнатюк=hnatiuk",
        ),
        "turkish": Names(
            "Ayşe Elif Zeynep Gülşen Büşra Özlem Şeyma İpek Çiğdem Nuray",
            "Mehmet Emre Çağrı Oğuz Şahin Barış İsmail Ümit Kağan Tuğrul",
            "Yılmaz Kaya Şimşek Çelik Öztürk Aydın Doğan Koç Kılıç Aslan Güneş Yıldırım Işık"
            " Özkan Avcı Bulut Taş Erdoğdu Uçar Tekin",
        ),
        "hebrew": Names(
            "נועה=noa תמר=tamar שירה=shira יעל=yael מאיה=maya רותם=rotem אביגיל=avigail ליאת=liat",
            "דוד=david יוסף=yosef איתן=eitan נועם=noam אורי=uri יונתן=yonatan משה=moshe גלעד=gilad",
            "כהן=cohen לוי=levi מזרחי=mizrahi פרץ=peretz ביטון=biton דהן=dahan אברהם=avraham"
            " פרידמן=friedman שפירא=shapira ברק=barak רוזן=rosen אלון=alon",
        ),
        "arabic": Names(
            "فاطمة=fatima مريم=maryam ليلى=layla نور=nour سارة=sara هدى=huda رانيا=rania"
            " ياسمين=yasmin",
            "محمد=mohamed أحمد=ahmed يوسف=youssef عمر=omar خالد=khaled طارق=tarek حسن=hassan"
            " سمير=samir",
            "حسين=hussein منصور=mansour الخطيب=alkhatib النجار=alnajjar سالم=salem فؤاد=fouad"
            " عبد_الله=abdullah رمضان=ramadan الشريف=elsherif حداد=haddad صبري=sabry زكي=zaki",
        ),
        "hindi": Names(
            "प्रिया=priya अनन्या=ananya सुनीता=sunita कविता=kavita मीरा=meera रेखा=rekha"
            " दीपिका=deepika पूजा=pooja",
            "राहुल=rahul अमित=amit विक्रम=vikram संजय=sanjay अर्जुन=arjun रोहित=rohit मनोज=manoj"
            " सुरेश=suresh",
            "शर्मा=sharma वर्मा=verma गुप्ता=gupta सिंह=singh मिश्रा=mishra जोशी=joshi"
            " अग्रवाल=agrawal चौहान=chauhan यादव=yadav त्रिपाठी=tripathi",
        ),
        "indian": Names(
            "Ananya Lakshmi Priya Nandini Shreya Divya Kavya Meenakshi Radhika Sushmita",
            "Arjun Karthik Vikram Rohan Sandeep Aditya Naveen Prakash Suresh Harish",
            "Iyer Menon Reddy Nair Desai Kulkarni Bose Chatterjee Pillai Rao Shetty Patel Naidu"
            " Banerjee Joshi Kapoor",
        ),
        "african": Names(
            "Chiamaka Adaeze Folake Ngozi Wanjiku Achieng Thandiwe Naledi Zanele Amara",
            "Chukwuemeka Babatunde Obinna Tunde Kamau Otieno Sipho Thabo Kwame Kofi",
            "Okafor Adeyemi Eze Balogun Nwosu Mwangi Odhiambo Kariuki Dlamini Nkosi Mokoena"
            " Khumalo Mensah Boateng Afolabi Njoroge",
        ),
        "thai": Names(
            "สมหญิง=somying มาลี=malee กัญญา=kanya อรุณี=arunee ปราณี=pranee ศิริพร=siriporn",
            "สมชาย=somchai ประเสริฐ=prasert วิชัย=wichai อนุชา=anucha ธนากร=thanakorn กิตติ=kitti",
            "ใจดี=jaidee สุขสวัสดิ์=suksawat ทองดี=thongdee ศรีสุข=srisuk บุญมา=boonma"
            " แสงทอง=saengthong วงศ์สวัสดิ์=wongsawat รัตนกุล=rattanakul",
        ),
        "vietnamese": Names(
            "Thị_Hương Ngọc_Anh Thu_Hà Minh_Châu Kim_Ngân Thanh_Thảo Bích_Ngọc Phương_Linh",
            "Văn_Nam Minh_Tuấn Quốc_Huy Đức_Anh Hoàng_Long Gia_Bảo Thành_Đạt Hữu_Phước",
            "Nguyễn Trần Lê Phạm Hoàng Phan Vũ Đặng Bùi Đỗ Hồ Ngô",
            family_first=True,
        ),
        "japanese": Names(
            "結衣=yui 陽子=yoko 美咲=misaki さくら=sakura 恵子=keiko 直美=naomi 葵=aoi 千尋=chihiro",
            "健太=kenta 翔=sho 大輔=daisuke 拓也=takuya 浩=hiroshi 誠=makoto 蓮=ren 悠斗=yuto",
            "佐藤=sato 鈴木=suzuki 高橋=takahashi 田中=tanaka 渡辺=watanabe 伊藤=ito 山本=yamamoto"
            " 中村=nakamura 小林=kobayashi 加藤=kato 吉田=yoshida 清水=shimizu 林=hayashi 森=mori",
            family_first=True,
        ),
        "korean": Names(
            "서연=seoyeon 지우=jiwoo 수진=sujin 은혜=eunhye 하은=haeun 민지=minji 유나=yuna"
            " 미경=mikyung",
            "민준=minjun 도윤=doyun 현우=hyunwoo 지훈=jihoon 성민=sungmin 태영=taeyoung"
            " 준호=junho 영수=youngsoo",
            "김=kim 이=lee 박=park 최=choi 정=jung 강=kang 조=cho 윤=yoon 장=jang 임=lim 한=han"
            " 서=seo",
            family_first=True,
            joint="",
        ),
        "chinese": Names(
            "雅婷=yating 怡君=yichun 淑芬=shufen 佳穎=chiaying 詩涵=shihhan 美玲=meiling"
            " 欣怡=hsinyi 曉雯=xiaowen",
            "志明=chihming 俊傑=chunchieh 建宏=chienhung 家豪=chiahao 冠宇=kuanyu 承恩=chengen"
            " 偉倫=weilun 柏翰=pohan",
            "陳=chen 林=lin 黃=huang 張=chang 李=li 王=wang 吳=wu 劉=liu 蔡=tsai 楊=yang 許=hsu"
            " 鄭=cheng 謝=hsieh",
            family_first=True,
            joint="",
        ),
    }
)
