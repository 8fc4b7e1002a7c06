select
    editions.edition,
    editions.basis,
    editions.source_code,
    editions.base_year,
    editions.fallback_edition,
    cast(count(*) as integer) as city_count,
    editions.description_zh,
    editions.description_en
from {{ ref('editions') }} as editions
inner join {{ ref('edition_cities') }} as edition_cities
    on editions.edition = edition_cities.edition
group by
    editions.edition, editions.basis, editions.source_code, editions.base_year, editions.fallback_edition,
    editions.description_zh, editions.description_en
