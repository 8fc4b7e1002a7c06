select
    city_code as subject_code,
    city_zh as subject_zh,
    city_en as subject_en
from {{ ref('dim_cities') }}
union all
select
    dimension_code as subject_code,
    dimension_zh as subject_zh,
    dimension_en as subject_en
from {{ ref('dim_dimensions') }}
union all
select
    a.dimension_code || '+' || b.dimension_code as subject_code,
    a.dimension_zh || ' + ' || b.dimension_zh as subject_zh,
    a.dimension_en || ' + ' || b.dimension_en as subject_en
from {{ ref('dim_dimensions') }} as a
inner join {{ ref('dim_dimensions') }} as b
    on a.dimension_code < b.dimension_code
union all
select
    subject_code,
    subject_zh,
    subject_en
from {{ ref('bulletin_subjects') }}
where city_code is null
