select
    cities.city_code,
    cities.city_zh,
    cities.city_en,
    cities.province_zh,
    cities.province_en,
    cities.region,
    regions.region_zh,
    regions.region_en,
    cities.longitude,
    cities.latitude
from {{ ref('cities') }} as cities
inner join {{ ref('regions') }} as regions
    on cities.region = regions.region
