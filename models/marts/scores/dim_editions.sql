select
    editions.edition,
    editions.basis,
    cast(count(*) as integer) as city_count,
    editions.description_zh,
    editions.description_en
from {{ ref('editions') }} as editions
inner join {{ ref('edition_cities') }} as edition_cities
    on editions.edition = edition_cities.edition
group by editions.edition, editions.basis, editions.description_zh, editions.description_en
