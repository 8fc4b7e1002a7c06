-- 怎样输出地图软件可读的GeoJSON？
-- How do I make GeoJSON for a map?
--
-- Learn: an object a city, gathered by list(); nested calls make nested JSON.
-- Read: `copy (select ...) to 'cities.json' (format csv, header false, quote '')` writes it to a file.
-- Longitude comes first, in WGS 84: Chinese web maps shift theirs. Here the first three cities; leave out the
-- condition on the rank for all.

with features as (
    select
        totals.rank,
        cities.city_code,
        json_object(
            'type', 'Feature',
            'geometry', json_object(
                'type', 'Point',
                'coordinates', json_array(round(cities.longitude, 2), round(cities.latitude, 2))
            ),
            'properties', json_object('city', cities.city_zh, 'rank', totals.rank)
        ) as feature
    from marts.dim_cities as cities
    inner join marts.fct_total_scores as totals using (city_code)
    where totals.edition = '2025' and totals.rank <= 3
)

select json_object('type', 'FeatureCollection', 'features', list(feature order by rank, city_code)) as geojson
from features
